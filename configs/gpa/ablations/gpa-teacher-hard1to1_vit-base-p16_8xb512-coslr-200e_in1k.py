# GPA as a teacher, hard shares 1 -> 1 at a ratio of 0.75 (GPA, Table 4).
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(masker=dict(hard=(1.0, 1.0)))
