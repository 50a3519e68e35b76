# GPA as a teacher, soft shares 1 -> 1 at a ratio of 0.9 (GPA, Table 3).
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(masker=dict(ratio=0.9, soft=(1.0, 1.0)))
