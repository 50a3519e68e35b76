# MAE at the demo's size, on the embedded data: what differs from the paper's config is sizes, data
# and length. k-NN takes the CLS token, as for the other systems.
_base_ = [
    '../mae/mae_vit-base-p16_8xb512-coslr-200e_in1k.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_knn.py',
]

size = _base_.demo_backbone['img_size']
patch_size = _base_.demo_backbone['patch_size']

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedVisionTransformer',
        mask_mode='drop',
        pos_embed='sincos',
        init='mae',
        **_base_.demo_backbone,
    ),
    neck=dict(
        num_patches=(size // patch_size) ** 2,
        patch_size=patch_size,
        embed_dim=_base_.demo_backbone['arch']['embed_dims'],
        decoder_embed_dim=48,
        decoder_depth=1,
        decoder_num_heads=2,
    ),
    head=dict(patch_size=patch_size),
)

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    persistent_workers=False,
    pin_memory=False,
    dataset=dict(
        data_root='data/material_scenes/cls/',
        cache=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='ResizedCrop', scale=size, crop_ratio_range=(0.5, 1.0)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackInputs'),
        ],
    ),
)

optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=24)

default_hooks = dict(
    logger=dict(interval=10),
    schedule=dict(schedules=dict(lr=dict(schedule=dict(warmup=2)))),
    knn={**_base_.demo_knn, 'source': 'student'},
)
