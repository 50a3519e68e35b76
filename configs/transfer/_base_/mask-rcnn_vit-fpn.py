# Mask R-CNN with a plain ViT-S/16 and the pyramid of BEiT's and iBOT's dense transfer: the maps of
# blocks 3, 5, 7 and 11 become four levels, which an FPN joins. The rest is upstream's.
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py', './vit_small.py']

width = _base_.vit.arch.embed_dims
model = dict(
    backbone=dict(_delete_=True, **_base_.vit, out_indices=[3, 5, 7, 11]),
    neck=[
        dict(type='mmpretrain.BlockFeaturePyramid', in_channels=width),
        dict(type='FPN', in_channels=[width] * 4, out_channels=256, num_outs=5),
    ],
)
