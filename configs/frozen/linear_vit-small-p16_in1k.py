# Linear probing of ViT-S/16 on ImageNet-1k; 8 GPUs x 128 = the paper's batch of 1024.
_base_ = ['../_base_/protocols/linear.py', '../_base_/datasets/imagenet_linear.py']

model = dict(
    backbone=dict(arch='deit-small', patch_size=16),
    num_classes=1000,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
)
