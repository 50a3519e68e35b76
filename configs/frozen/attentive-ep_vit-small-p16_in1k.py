# Efficient probing of ViT-S/16 on ImageNet-1k. The authors read the CLS token, too, of a network
# trained by it (DINO, iBOT): model.token=tokens. They report the best epoch; this is the last.
_base_ = ['../_base_/protocols/attentive.py', '../_base_/datasets/imagenet_linear.py']

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    num_classes=1000,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)

# 8 GPUs x 512 images. The crops are bicubic, as MAE's.
train_dataloader = dict(
    batch_size=512,
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
