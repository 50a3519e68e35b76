# AttMask-High on iBOT at the demo's size, on the embedded data: what differs from the paper's
# config is sizes, data and length (and what goes with a short run: momentum, learning rate,
# temperatures without a long warm-up).
_base_ = [
    '../attmask/attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k.py',
    '../_base_/models/vit_demo.py',
]

max_epochs = 20
prototypes = 256

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedVisionTransformer',
        drop_path_rate=0.1,
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
                global_size=32,
                local_size=16,
                num_local=2,
                color_jitter=(0.6, 0.6, 0.0, 0.0),
                gray_prob=0.0,
                blur_sigma=(0.1, 0.6),
            ),
            dict(type='PackInputs'),
        ],
    ),
)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=max_epochs)
default_hooks = dict(
    logger=dict(interval=10),
    schedule=dict(
        schedules=dict(
            lr=dict(schedule=dict(end=0.01, warmup=1)),
            momentum=dict(schedule=dict(start=0.97)),
            teacher_temp=dict(schedule=dict(value=0.04, warmup=0)),
            teacher_patch_temp=dict(schedule=dict(value=0.04, warmup=0)),
        )
    ),
)
