# Efficient probing of the demo's network on the embedded data: six epochs, the best of six rates
# on a held-out tenth of the training images.
_base_ = [
    '../_base_/protocols/attentive.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_cls.py',
]

model = dict(
    backbone=dict(**_base_.demo_backbone),
    num_classes=12,
    lrs=(10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    pooling=dict(num_queries=8),
)

train_dataloader = dict(sampler=dict(type='DefaultSampler'))
train_cfg = dict(max_epochs=6, val_interval=6)
default_hooks = dict(schedule=dict(schedules=dict(lr=dict(schedule=dict(warmup=1)))))
