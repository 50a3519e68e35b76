# Revisited Oxford at the demo's size, on its miniature (mmmask prepare-miniature roxford5k).
_base_ = ['../_base_/protocols/revisited.py', '../_base_/models/vit_demo.py']

model = dict(
    backbone=dict(**_base_.demo_backbone),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

demo_dataset = dict(
    data_root='data/miniature/roxford5k/',
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='Thumbnail', size=64, multiple_of=8),
        dict(type='PackInputs'),
    ],
)
test_dataloader = dict(num_workers=0, dataset=demo_dataset)
test_cfg = dict(database_dataloader=dict(num_workers=0, dataset=demo_dataset))
