# CAE at the demo's size, on the embedded data. Random codes stand in for DALL-E's, which are a
# download; 6 of 16 patches are masked, the share of 75 of 196.
_base_ = [
    '../cae/cae_vit-small-p16_8xb256-amp-coslr-50e_in1k.py',
    '../_base_/mmpretrain_demo.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_knn.py',
]

data_preprocessor = dict(
    second_mean=_base_.data_preprocessor.mean, second_std=_base_.data_preprocessor.std
)

codes = 256
model = dict(
    backbone=dict(
        _delete_=True,
        type='CAEPretrainViT',
        layer_scale_init_value=0.1,
        bias='qv_bias',
        **_base_.demo_backbone,
    ),
    neck=dict(
        num_classes=codes,
        embed_dims=_base_.demo_backbone['arch']['embed_dims'],
        num_heads=2,
        regressor_depth=1,
        decoder_depth=1,
        mask_tokens_num=6,
    ),
    target_generator=dict(_delete_=True, type='RandomProjectionTokenizer', num_codes=codes),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomResizedCropAndInterpolationWithTwoPic',
        size=32,
        second_size=32,
        interpolation='bicubic',
        second_interpolation='lanczos',
        scale=(0.5, 1.0),
    ),
    dict(type='BEiTMaskGenerator', input_size=(4, 4), num_masking_patches=6, min_num_patches=2),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    **_base_.demo_loader, dataset=dict(**_base_.demo_images, pipeline=train_pipeline)
)

optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=3.0),
)
param_scheduler = _base_.demo_schedulers
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=_base_.demo_epochs)

default_hooks = dict(logger=dict(interval=10), knn={**_base_.demo_knn, 'source': 'student'})
