# Mask R-CNN with a plain ViT-S/16 and ViTDet's simple feature pyramid instead of ResNet-50 and FPN;
# the rest is upstream's.
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py', './vit_small.py']

model = dict(
    backbone=dict(_delete_=True, **_base_.vit),
    neck=dict(
        _delete_=True,
        type='mmpretrain.SimpleFeaturePyramid',
        in_channels=_base_.vit.arch.embed_dims,
        out_channels=256,
        num_outs=5,
    ),
)
