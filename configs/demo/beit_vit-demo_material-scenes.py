# BEiT at the demo's size, on the embedded data: mmpretrain's own algorithm and config. Random codes
# stand in for DALL-E's, which are a download; 40 % of the patches are masked.
_base_ = [
    'mmpretrain::beit/beit_beit-base-p16_8xb256-amp-coslr-300e_in1k.py',
    '../_base_/mmpretrain_parts.py',
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
        arch=dict(_delete_=True, **_base_.demo_backbone['arch']), img_size=32, patch_size=8
    ),
    head=dict(embed_dims=_base_.demo_backbone['arch']['embed_dims'], num_embed=codes),
    target_generator=dict(_delete_=True, type='RandomProjectionTokenizer', num_codes=codes),
)

train_dataloader = dict(
    **_base_.demo_loader,
    collate_fn=_base_.collate_fn,
    dataset=dict(
        **_base_.demo_images,
        pipeline=[
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
            dict(
                type='BEiTMaskGenerator',
                input_size=(4, 4),
                num_masking_patches=6,
                min_num_patches=2,
            ),
            dict(type='PackInputs'),
        ],
    ),
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

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=_base_.checkpoint_hook,
    knn={**_base_.demo_knn, 'source': 'student'},
)
randomness = _base_.seeds
