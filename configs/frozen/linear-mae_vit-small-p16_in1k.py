# MAE's linear probe of ViT-S/16 on ImageNet-1k (GPA's Table 7 follows MAE): the CLS token. MAE's
# code cuts its crops without retries; these follow torchvision's law.
_base_ = ['../_base_/protocols/linear_mae.py', '../_base_/datasets/imagenet_linear.py']

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    num_classes=1000,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

# 8 GPUs x 2048 images. The crops are bicubic, as MAE's.
train_dataloader = dict(
    batch_size=2048,
    drop_last=True,
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='ResizedCrop', scale=224, interpolation='bicubic'),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='PackInputs'),
        ],
    ),
)
