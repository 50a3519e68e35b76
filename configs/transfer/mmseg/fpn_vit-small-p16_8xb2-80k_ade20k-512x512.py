# ccMIM's FPN with ViT-S/16: maps of blocks 3, 5, 7 and 11 as a pyramid, which an FPN joins and
# Semantic FPN's head reads. Batch 16, layer decay 0.65, drop path 0.1 as the paper says of its
# segmenters; the number of iterations and the learning rate aren't named: 80k, Semantic FPN's
# usual length in mmsegmentation, and 3e-4 as for UperNet.
_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    '../_base_/vit_small.py',
    '../_base_/ade20k_adamw_160k.py',
]

width = _base_.vit.arch.embed_dims
max_iters = 80000
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    pretrained=None,
    backbone=dict(_delete_=True, **_base_.vit, out_indices=[3, 5, 7, 11]),
    neck=[
        dict(type='mmpretrain.BlockFeaturePyramid', in_channels=width),
        dict(type='FPN', in_channels=[width] * 4, out_channels=256, num_outs=4),
    ],
    decode_head=dict(num_classes=150),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)

train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=1500, end=max_iters),
]
