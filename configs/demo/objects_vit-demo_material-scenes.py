# Attention of the demo's network against the objects of the embedded scenes, in seconds. At 128
# pixels the grid is 16 x 16 patches; position embeddings are resized.
_base_ = ['../_base_/protocols/objects.py', '../_base_/models/vit_demo.py']

model = dict(
    backbone=dict(**_base_.demo_backbone),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)
test_dataloader = dict(
    batch_size=50,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoObjects',
        data_root='data/material_scenes/det/',
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='val/'),
        size=128,
    ),
)
test_cfg = dict(tolerance=0)  # 15 pixels would be a large part of these small images
