# MaskFeat at the demo's size, on the embedded data: as in the paper a patch has 2 x 2 cells, here
# of 4 pixels, and 40 % of the patches are masked.
_base_ = [
    '../maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py',
    '../_base_/mmpretrain_demo.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_knn.py',
]

model = dict(
    backbone=dict(_delete_=True, type='MaskFeatViT', **_base_.demo_backbone),
    neck=dict(in_channels=_base_.demo_backbone['arch']['embed_dims']),
    target_generator=dict(type='PatchHOGGenerator', patch_size=8, pool=4),
)

train_dataloader = dict(
    **_base_.demo_loader,
    dataset=dict(
        **_base_.demo_images,
        pipeline=[
            dict(type='LoadImageFromFile'),
            _base_.demo_crop,
            dict(type='RandomFlip', prob=0.5),
            dict(type='BEiTMaskGenerator', input_size=4, num_masking_patches=6, min_num_patches=2),
            dict(type='PackInputs'),
        ],
    ),
)

optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.05),
)
param_scheduler = _base_.demo_schedulers
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=_base_.demo_epochs)

default_hooks = dict(logger=dict(interval=10), knn={**_base_.demo_knn, 'source': 'student'})
