# ccMIM, ViT-S/16, 300 epochs (ccMIM, Table 2).
_base_ = 'ccmim_vit-base-p16_32xb32-coslr-300e_in1k.py'

model = dict(
    backbone=dict(arch='deit-small'),
    neck=dict(embed_dim=384),
    contrast=dict(in_channels=384),
)
