# MST, Table 3: SETR on Cityscapes, DeiT-S, 40k iterations (supervised 71.33 mIoU, DINO 72.96, MST
# 74.04, pre-trained for 100 epochs as the table says; Section 4.4 says 300). SETR's own
# configuration. The paper doesn't say which decoder: naive, PUP and MLA are here. Auxiliary heads
# on blocks 2, 5 and 8, as SETR's published one for DeiT (24 blocks upstream: 9, 14 and 19).
_base_ = ['mmseg::_base_/models/setr_naive.py', '../_base_/setr_cityscapes_40k.py']

width = _base_.vit.arch.embed_dims
auxiliary_head = _base_.model.auxiliary_head
for head in auxiliary_head:
    head.in_channels = width

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    pretrained=None,
    backbone=dict(_delete_=True, **_base_.vit, out_indices=[2, 5, 8, 11]),
    decode_head=dict(in_channels=width),
    auxiliary_head=auxiliary_head,
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(512, 512)),
)
