# GPA as a teacher by the sum over the heads of the last block (GPA, Table 5).
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(scorer=dict(attention=dict(block=11, head='sum')))
