# UperNet at the demo's size, on the embedded data: few labelled images, a short training. From a
# pre-trained checkpoint, or from scratch (--cfg-options model.backbone.init_cfg=None); nothing else
# differs.
_base_ = [
    '../transfer/_base_/upernet_vit.py',
    '../_base_/datasets/material_scenes_seg.py',
    '../_base_/models/vit_demo.py',
    '../_base_/schedules/demo_transfer.py',
    'mmseg::_base_/default_runtime.py',
]

num_classes = len(_base_.metainfo['classes'])
channels = 64
# Training on crops sees more scenes in the same time; tests slide over the scene.
crop_size = (64, 64)
batch_norm = dict(type='BN', requires_grad=True)

model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(drop_path_rate=0.0, out_indices=[-1], **_base_.demo_backbone),
    neck=dict(
        _delete_=True,
        type='mmpretrain.SimpleFeaturePyramid',  # the demo's ViT is too shallow for one of blocks
        in_channels=_base_.demo_backbone['arch']['embed_dims'],
        out_channels=channels,
        scales=(2, 1, 0.5),  # strides 4, 8 and 16
        num_outs=3,
    ),
    decode_head=dict(
        in_channels=[channels] * 3,
        in_index=[0, 1, 2],
        channels=channels,
        num_classes=num_classes,
        norm_cfg=batch_norm,
        loss_decode=dict(avg_non_ignore=True),
    ),
    auxiliary_head=dict(
        in_channels=channels,
        in_index=1,
        channels=channels,
        num_classes=num_classes,
        norm_cfg=batch_norm,
        loss_decode=dict(avg_non_ignore=True),
    ),
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=crop_size),
)

train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        pipeline=[
            dict(type='mmpretrain.LoadImageStrict', cache=True),
            dict(type='LoadAnnotations', reduce_zero_label=True),
            dict(type='RandomCrop', crop_size=crop_size),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs'),
        ]
    ),
)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=_base_.max_iters // 2, max_keep_ckpts=2
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
