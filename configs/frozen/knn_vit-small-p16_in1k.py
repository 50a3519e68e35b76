# k-NN of ViT-S/16 on ImageNet-1k. No augmentation: short side 256, centre 224, bicubic (DINO).
_base_ = '../_base_/protocols/knn.py'

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

test_dataloader = dict(
    batch_size=256,
    num_workers=8,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='StrictImageFolder',
        data_root='data/imagenet/',
        data_prefix='val',
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='ResizeEdge',
                scale=256,
                edge='short',
                backend='pillow',
                interpolation='bicubic',
            ),
            dict(type='CenterCrop', crop_size=224),
            dict(type='PackInputs'),
        ],
    ),
)
test_cfg = dict(
    bank_dataloader={
        **test_dataloader,
        'dataset': {**test_dataloader['dataset'], 'data_prefix': 'train'},
    }
)
