# MoCo v3 at the demo's size, on the embedded data: crops and jitter as in DINO's demo.
_base_ = [
    '../mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
    '../_base_/mmpretrain_demo.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_knn.py',
]

model = dict(
    backbone=dict(_delete_=True, type='MoCoV3ViT', stop_grad_conv1=True, **_base_.demo_backbone),
    neck=dict(
        in_channels=_base_.demo_backbone['arch']['embed_dims'], hid_channels=256, out_channels=64
    ),
    head=dict(predictor=dict(in_channels=64, hid_channels=256, out_channels=64)),
)

view = [
    _base_.demo_crop,
    dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0.0, hue=0.0),
    dict(type='RandomFlip', prob=0.5),
]
train_dataloader = dict(
    **_base_.demo_loader,
    dataset=dict(
        **_base_.demo_images,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='MultiView', num_views=[2], transforms=[view]),
            dict(type='PackInputs'),
        ],
    ),
)

optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.1),
)
param_scheduler = _base_.demo_schedulers
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=_base_.demo_epochs)

default_hooks = dict(logger=dict(interval=10), knn={**_base_.demo_knn, 'source': 'student'})
