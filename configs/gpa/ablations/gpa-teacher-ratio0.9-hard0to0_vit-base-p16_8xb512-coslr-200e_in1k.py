# GPA as a teacher, hard shares 0 -> 0 at a ratio of 0.9 (GPA, Table 4).
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(masker=dict(ratio=0.9, hard=(0.0, 0.0)))
