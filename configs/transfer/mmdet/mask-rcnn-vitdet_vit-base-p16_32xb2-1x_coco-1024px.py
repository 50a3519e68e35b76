# GPA, Table 2: ViTDet's Mask R-CNN on COCO, ViT-B/16, 1x at 1024 x 1024 (MAE 33.0 box AP, 29.8 mask
# AP; GPA as a teacher 33.3, 30.1; as a feature, too, 34.5, 31.1). GPA trains on two GPUs and names
# no batch: `--auto-scale-lr` fits the learning rate to another than ViTDet's 64.
_base_ = './mask-rcnn_vitdet-small-p16_32xb2-1x_coco-1024px.py'

model = dict(
    backbone=dict(arch=dict(embed_dims=768, num_heads=12, feedforward_channels=3072)),
    neck=dict(in_channels=768),
)
