# ImageNet-1k without labels, one random resized crop of each image (MAE).
_base_ = 'imagenet_multicrop.py'

train_dataloader = dict(
    batch_size=512,
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='ResizedCrop', scale=224, crop_ratio_range=(0.2, 1.0), interpolation='bicubic'
            ),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackInputs'),
        ],
    ),
)
