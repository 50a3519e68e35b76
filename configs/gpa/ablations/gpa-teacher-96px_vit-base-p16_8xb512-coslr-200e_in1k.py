# GPA as a teacher at the cost that Table 9 states, 1.1 x MAE's operations with the teacher's
# forward counted: the teacher sees images of 96 px, and its scores are resized. At the full size a
# ViT-B's forward alone makes it 1.5 x (docs/methods.md).
_base_ = '../gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(scorer=dict(size=96))
