# Cascade Mask R-CNN as in iBOT's detector: the pyramid of blocks 3, 5, 7 and 11 with an FPN, and
# box heads of four convolutions with SyncBN and one linear layer, whose boxes are regressed for
# each class and compared as boxes (GIoU x 10).
# Upstream's heads: two linear layers, class-agnostic, a smooth L1 loss of the encoded boxes.
_base_ = ['mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py', './vit_small.py']

width = _base_.vit.arch.embed_dims
four_conv_one_fc = dict(
    type='Shared4Conv1FCBBoxHead',
    norm_cfg=dict(type='SyncBN', requires_grad=True),
    reg_class_agnostic=False,
    reg_decoded_bbox=True,
    loss_bbox=dict(type='GIoULoss', loss_weight=10.0),
)
model = dict(
    backbone=dict(_delete_=True, **_base_.vit, out_indices=[3, 5, 7, 11]),
    neck=[
        dict(type='mmpretrain.BlockFeaturePyramid', in_channels=width),
        dict(type='FPN', in_channels=[width] * 4, out_channels=256, num_outs=5),
    ],
    roi_head=dict(
        bbox_head=[{**head, **four_conv_one_fc} for head in _base_.model.roi_head.bbox_head]
    ),
)
