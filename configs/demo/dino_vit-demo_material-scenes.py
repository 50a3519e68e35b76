# DINO at the demo's size, on the embedded data: what differs from the paper's config is sizes, data
# and length, and what goes with a short run of a small network.
_base_ = [
    '../dino/dino_vit-small-p16_8xb30-coslr-100e_in1k.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_knn.py',
]

max_epochs = 16
prototypes = 256
size = _base_.demo_backbone['img_size']

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedVisionTransformer',
        drop_path_rate=0.1,
        with_mask_token=False,
        **_base_.demo_backbone,
    ),
    neck=dict(
        in_channels=_base_.demo_backbone['arch']['embed_dims'],
        out_channels=prototypes,
        hidden_channels=256,
        bottleneck_channels=64,
        norm_last_layer=True,
    ),
    head=dict(out_channels=prototypes),
)

# Two crops of a small image share little: larger ones, and jitter as wide as the data's own
# differences in light, keep enough in common for a small network to agree on.
data_root = 'data/material_scenes/cls/'
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    persistent_workers=False,
    pin_memory=False,
    dataset=dict(
        data_root=data_root,
        cache=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='MultiCrop',
                global_size=size,
                local_size=size // 2,
                num_local=2,
                global_scale=(0.5, 1.0),
                local_scale=(0.25, 0.5),
                color_jitter=(0.3, 0.3, 0.0, 0.0),
                gray_prob=0.0,
                blur_sigma=(0.1, 0.6),
            ),
            dict(type='PackInputs'),
        ],
    ),
)

optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=max_epochs)

default_hooks = dict(
    logger=dict(interval=10),
    schedule=dict(
        schedules=dict(
            lr=dict(end=5e-6, schedule=dict(warmup=1)),
            momentum=dict(schedule=dict(start=0.99)),
            # A short run has no time to recover from targets that are nearly uniform: sharper ones.
            teacher_temp=dict(schedule=dict(value=0.02, warmup=0)),
        )
    ),
    knn=_base_.demo_knn,
)
