# The embedded data as an ImageNet-style folder tree (mmmask prepare-demo), with
# labels, for frozen evaluation and fine-tuning at the demo's size. For iteration-based training.
# Evaluators and data_preprocessor belong to the protocol.
cls_data_root = 'data/material_scenes/cls/'
cls_size = 32

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StrictImageFolder',
        data_root=cls_data_root,
        data_prefix='train',
        cache=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='ResizedCrop', scale=cls_size, crop_ratio_range=(0.25, 1.0)),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='PackInputs'),
        ],
    ),
)

val_dataloader = dict(
    batch_size=100,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StrictImageFolder',
        data_root=cls_data_root,
        data_prefix='val',
        cache=True,
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=cls_size, backend='pillow', interpolation='bicubic'),
            dict(type='PackInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
