# GPA whose two decoders take turns, iteration by iteration (GPA, Section 3.3), instead of Eq. 8's
# sum.
_base_ = '../gpa_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(combine='alternate')
find_unused_parameters = True  # one decoder is idle
