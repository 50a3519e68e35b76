# ccMIM's FPN with ViT-S/16: maps of blocks 3, 5, 7 and 11 as a pyramid, which an FPN joins and
# Semantic FPN's head reads. Batch 16, layer decay 0.65, drop path 0.1 as the paper says of its
# segmenters. 160k iterations are those of every ViT in its Table 3, FPN's (DeiT's 47.0 mIoU) too.
# The learning rate isn't named: 3e-4 as for UperNet.
_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    '../_base_/vit_small.py',
    '../_base_/ade20k_adamw_160k.py',
]

width = _base_.vit.arch.embed_dims
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    pretrained=None,
    backbone=dict(
        _delete_=True,
        # position embeddings are resized to the crops once, when they are loaded
        **{**_base_.vit, 'img_size': 512},
        out_indices=[3, 5, 7, 11],
    ),
    neck=[
        dict(type='mmpretrain.BlockFeaturePyramid', in_channels=width),
        dict(type='FPN', in_channels=[width] * 4, out_channels=256, num_outs=4),
    ],
    decode_head=dict(num_classes=150),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)

train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
