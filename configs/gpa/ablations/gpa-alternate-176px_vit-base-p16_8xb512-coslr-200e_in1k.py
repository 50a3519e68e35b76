# GPA as a teacher and as a feature at the cost that Table 9 states: the decoders take turns, so an
# iteration has one of them, and the teacher sees images of 176 px (docs/methods.md).
_base_ = 'gpa-alternate_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(scorer=dict(size=176))
