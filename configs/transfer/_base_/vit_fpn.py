# What iBOT's and CAE's detectors share, on a plain ViT-S/16: the maps of blocks 3, 5, 7 and 11
# become four levels, which an FPN joins; a box head has four convolutions with SyncBN and one
# linear layer, its boxes are regressed for each class and compared as boxes (GIoU x 10).
_base_ = './vit_small.py'

width = _base_.vit.arch.embed_dims
vit = dict(out_indices=[3, 5, 7, 11])
vit_neck = [
    dict(type='mmpretrain.BlockFeaturePyramid', in_channels=width),
    dict(type='FPN', in_channels=[width] * 4, out_channels=256, num_outs=5),
]
four_conv_one_fc = dict(
    type='Shared4Conv1FCBBoxHead',
    norm_cfg=dict(type='SyncBN', requires_grad=True),
    reg_class_agnostic=False,
    reg_decoded_bbox=True,
    loss_bbox=dict(type='GIoULoss', loss_weight=10.0),
)
