# GPA as a teacher by the head that one shot chooses (GPA, Table 5).
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(scorer=dict(attention=dict(block=10, head=10)))
