# Mask R-CNN as in CAE's detector.
# Upstream's box head: two linear layers, an L1 loss of the encoded boxes.
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py', './vit_fpn.py']

model = dict(
    backbone=dict(_delete_=True, **_base_.vit),
    neck=_base_.vit_neck,
    roi_head=dict(bbox_head=_base_.four_conv_one_fc),
)
