# DINOv2's linear segmentation of the material scenes by the demo's network: BatchNorm and a 1 x 1
# convolution on the frozen patch tokens of all three blocks. Data and tests are UperNet's.
_base_ = [
    '../_base_/datasets/material_scenes_seg.py',
    '../_base_/models/vit_demo.py',
    'mmseg::_base_/default_runtime.py',
]
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

crop_size = (64, 64)
blocks = list(range(_base_.demo_backbone['arch']['num_layers']))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=crop_size,
    ),
    backbone=dict(
        type='mmpretrain.NormedMapsVisionTransformer',
        **_base_.demo_backbone,
        out_indices=blocks,
        frozen_stages=len(blocks),
        # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    ),
    decode_head=dict(
        type='BatchNormLinearHead',
        in_channels=[_base_.demo_backbone['arch']['embed_dims']] * len(blocks),
        in_index=blocks,
        num_classes=len(_base_.metainfo['classes']),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
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

max_iters = 300
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-2, betas=(0.9, 0.999), weight_decay=1e-4),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=max_iters // 10),
    dict(type='PolyLR', power=1.0, by_epoch=False, begin=max_iters // 10, end=max_iters),
]
# size: where masks are compared, None = each image's own size.
val_evaluator = dict(_delete_=True, type='SizedIoUMetric', size=None)
test_evaluator = val_evaluator

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=max_iters),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
