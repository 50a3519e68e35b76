# GPA as a teacher on ConvMAE-S, 200 epochs (GPA, Table 10: 82.4 % after fine-tuning).
_base_ = 'gpa-teacher_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(
    backbone=dict(_delete_=True, type='MaskedConvMAE', arch='small'),
    neck=dict(embed_dim=384),
)
