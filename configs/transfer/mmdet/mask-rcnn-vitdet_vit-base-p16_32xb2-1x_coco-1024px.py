# GPA, Table 2: ViTDet's Mask R-CNN on COCO, ViT-B/16, 1x at 1024 x 1024 (MAE 33.0 box AP, 29.8 mask
# AP; GPA as a teacher 33.3, 30.1; as a feature, too, 34.5, 31.1). GPA trains on two GPUs and names
# no batch: `--auto-scale-lr` fits the learning rate to another than ViTDet's 64.
_base_ = ['./mask-rcnn-vitdet_vit-small-p16_32xb2-1x_coco-1024px.py', '../_base_/vit_base.py']

model = dict(
    backbone=_base_.vit_base,
    neck=dict(in_channels=_base_.vit_base_width),
)
