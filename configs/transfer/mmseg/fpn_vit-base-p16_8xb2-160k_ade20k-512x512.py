# ccMIM's FPN with ViT-B/16.
_base_ = './fpn_vit-small-p16_8xb2-160k_ade20k-512x512.py'

width = 768
model = dict(
    backbone=dict(arch=dict(embed_dims=width, num_heads=12, feedforward_channels=3072)),
    neck=[
        dict(type='mmpretrain.BlockFeaturePyramid', in_channels=width),
        dict(type='FPN', in_channels=[width] * 4, out_channels=256, num_outs=4),
    ],
)
