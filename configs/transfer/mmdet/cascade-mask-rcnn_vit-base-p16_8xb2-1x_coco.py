# AttMask's Table 6 with a ViT-B/16, which the paper doesn't have. Drop path 0.2 is that of iBOT's
# published file for ViT-B, whose layer decay of 0.65 is for 36 epochs: 0.75 as its command for 12.
_base_ = './cascade-mask-rcnn_vit-small-p16_8xb2-1x_coco.py'

width = 768
model = dict(
    backbone=dict(
        arch=dict(embed_dims=width, num_heads=12, feedforward_channels=3072), drop_path_rate=0.2
    ),
    neck=[
        dict(type='mmpretrain.BlockFeaturePyramid', in_channels=width),
        dict(type='FPN', in_channels=[width] * 4, out_channels=256, num_outs=5),
    ],
)
