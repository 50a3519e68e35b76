# ConvMAE-S, 200 epochs (arXiv 2205.03892): the baseline of GPA (GPA, Table 10: 80.0 % after
# fine-tuning). MAE's optimisation and decoder.
_base_ = '../mae/mae_vit-base-p16_8xb512-coslr-200e_in1k.py'

model = dict(
    backbone=dict(_delete_=True, type='MaskedConvMAE', arch='small'),
    neck=dict(embed_dim=384),
)
