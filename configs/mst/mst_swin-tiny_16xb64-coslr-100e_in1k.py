# MST, Swin-T, 100 epochs (MST, Table 1: 73.8 linear, 66.2 k-NN; Table 2), with DeiT-S's
# hyper-parameters. The paper doesn't say whose attention stands in for the CLS token's, nor what is
# masked at a time: here the attention that a patch of the last stage receives, and its 32 pixels.
_base_ = 'mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True, type='MaskedSwinTransformer', arch='tiny', img_size=224, drop_path_rate=0.1
    ),
    neck=dict(in_channels=768),
    scorer=dict(attention=dict(_delete_=True, type='SwinAttentionTap', stage=-1)),
    restoration=dict(decoder=dict(in_channels=768, stride=32)),
)
