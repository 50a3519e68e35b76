# GPA as a teacher, 0.9 of the patches masked (GPA, Tables 3 and 4).
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(masker=dict(ratio=0.9))
