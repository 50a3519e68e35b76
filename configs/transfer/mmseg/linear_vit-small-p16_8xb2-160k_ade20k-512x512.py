# Linear segmentation on frozen features of ViT-S/16, iBOT's protocol: patch features of blocks 3,
# 5, 7 and 11, each behind the final norm, resized and side by side, are classified by one 1 x 1
# convolution. AdamW 3e-5, weight decay 0.05, 160k iterations, batch 16, as iBOT's published file;
# the norm is that of its command for ViT-B. No drop path: nothing of the backbone is trained.
_base_ = [
    'mmseg::_base_/models/fcn_r50-d8.py',
    '../_base_/vit_small.py',
    '../_base_/ade20k_adamw_160k.py',
]

width = _base_.vit.arch.embed_dims
blocks = [3, 5, 7, 11]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    pretrained=None,
    backbone=dict(
        _delete_=True,
        **{
            **_base_.vit,
            'type': 'mmpretrain.NormedMapsVisionTransformer',
            'img_size': 512,  # position embeddings are resized to the crops once
            'pos_embed_resize': 'size',  # as iBOT's loader does
            'final_norm': True,
            'drop_path_rate': 0.0,
        },
        out_indices=blocks,
        frozen_stages=12,
    ),
    decode_head=dict(
        in_channels=[width] * len(blocks),
        in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        channels=width * len(blocks),
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=150,
    ),
    auxiliary_head=None,
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)

train_dataloader = dict(batch_size=2)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-5, betas=(0.9, 0.999), weight_decay=0.05),
)
