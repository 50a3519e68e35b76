# Revisited Oxford by ViT-S/16, long side 224, one scale (DINO's default; AttMask, Table 7).
_base_ = '../_base_/protocols/revisited.py'

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)
