# AttMask's Table 6 with a ViT-B/16, which the paper doesn't have. Drop path 0.2 is that of iBOT's
# published file for ViT-B, whose layer decay of 0.65 is for 36 epochs: 0.75 as its command for 12.
_base_ = ['./cascade-mask-rcnn_vit-small-p16_8xb2-1x_coco.py', '../_base_/vit_base.py']

model = dict(
    backbone=dict(**_base_.vit_base, drop_path_rate=0.2),
    neck=_base_.vit_base_neck,
)
