# Linear probing of the demo's network on the embedded data, in seconds: six epochs, the best of
# seven learning rates, on the validation set as iBOT (select='held_out' is the default elsewhere).
_base_ = [
    '../_base_/protocols/linear.py',
    '../_base_/models/vit_demo.py',
    '../_base_/datasets/material_scenes_cls.py',
]

model = dict(
    backbone=dict(**_base_.demo_backbone),
    n_last_blocks=min(4, _base_.demo_backbone['arch']['num_layers']),
    num_classes=12,
    lrs=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

train_dataloader = dict(sampler=dict(type='DefaultSampler'))
param_scheduler = dict(T_max=6)
train_cfg = dict(max_epochs=6, val_interval=6, select='val')
