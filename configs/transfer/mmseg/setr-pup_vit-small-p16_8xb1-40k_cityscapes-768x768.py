# MST, Table 3, with SETR's progressive up-sampling. Auxiliary heads on blocks 4, 7, 9 and 11, as
# SETR's published one for DeiT (upstream, of 24 blocks: three heads); its two convolutions in a
# head count the classifier.
_base_ = ['mmseg::_base_/models/setr_pup.py', '../_base_/setr_cityscapes_40k.py']

width = _base_.vit.arch.embed_dims
first = _base_.model.auxiliary_head[0]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    pretrained=None,
    backbone=dict(_delete_=True, **_base_.vit, out_indices=[4, 7, 9, 11]),
    decode_head=dict(in_channels=width),
    auxiliary_head=[dict(first, in_channels=width, in_index=index) for index in range(4)],
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(512, 512)),
)
