# BYOL at the demo's size, on the embedded data: a thin ResNet-18 without its last stage, crops and
# jitter as in DINO's demo, AdamW instead of LARS, which is for large batches. k-NN takes the mean
# of the last map.
_base_ = [
    '../byol/byol_resnet50_16xb256-coslr-200e_in1k.py',
    '../_base_/mmpretrain_demo.py',
    '../_base_/datasets/material_scenes_knn.py',
]

model = dict(
    backbone=dict(
        depth=18,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(2,),
        stem_channels=16,
        base_channels=16,
        norm_cfg=dict(type='BN'),
    ),
    neck=dict(in_channels=64, hid_channels=256, out_channels=64),
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
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
)
param_scheduler = _base_.demo_schedulers
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=_base_.demo_epochs)

default_hooks = dict(
    logger=dict(interval=10),
    knn={**_base_.demo_knn, 'source': 'student', 'feature': 'gap'},
)
