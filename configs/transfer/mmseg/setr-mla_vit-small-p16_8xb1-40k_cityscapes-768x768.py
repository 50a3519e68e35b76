# MST, Table 3, with SETR's multi-level aggregation of blocks 2, 5, 8 and 11; its learning rate is
# 0.002.
_base_ = ['mmseg::_base_/models/setr_mla.py', '../_base_/setr_cityscapes_40k.py']

width = _base_.vit.arch.embed_dims
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    pretrained=None,
    backbone=dict(_delete_=True, **_base_.vit, out_indices=[2, 5, 8, 11]),
    neck=dict(in_channels=[width] * 4),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(512, 512)),
)

optim_wrapper = dict(optimizer=dict(lr=0.002))
