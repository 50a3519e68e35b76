# DAVIS 2017's evaluation of the demo's network, on three small sequences of blobs of materials:
# mmmask prepare-miniature davis2017
_base_ = ['../_base_/protocols/davis.py', '../_base_/models/vit_demo.py']

model = dict(
    backbone=dict(**_base_.demo_backbone),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

test_cfg = dict(size=96, multiple=8)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='DAVIS2017', data_root='data/miniature/davis2017/', split='val'),
)
