# ViTDet's Mask R-CNN (arXiv 2203.16527) on COCO, ViT-B/16, at GPA's 1x and 1024 x 1024. GPA's
# Table 2 says "ViTDet", but cites an earlier detector: mask-rcnn-windowed-fpn_* has that row.
# `--auto-scale-lr` fits the learning rate to another batch than ViTDet's 64.
_base_ = ['./mask-rcnn-vitdet_vit-small-p16_32xb2-1x_coco-1024px.py', '../_base_/vit_base.py']

model = dict(
    backbone=_base_.vit_base,
    neck=dict(in_channels=_base_.vit_base_width),
)
