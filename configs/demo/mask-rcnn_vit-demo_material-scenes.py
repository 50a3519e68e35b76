# Mask R-CNN at the demo's size, on the embedded data: few labelled images, a short training. From a
# pre-trained checkpoint, or from scratch (--cfg-options model.backbone.init_cfg=None); nothing else
# differs.
_base_ = [
    '../transfer/_base_/mask-rcnn_vit-sfp.py',
    '../_base_/datasets/material_scenes_det.py',
    '../_base_/models/vit_demo.py',
    'mmdet::_base_/default_runtime.py',
]

num_classes = len(_base_.metainfo['classes'])
channels = 64
max_iters = 600

model = dict(
    data_preprocessor=dict(pad_size_divisor=16),
    backbone=dict(drop_path_rate=0.0, **_base_.demo_backbone),
    neck=dict(
        in_channels=_base_.demo_backbone['arch']['embed_dims'],
        out_channels=channels,
        scales=[1],  # one level, the patches': objects are 30 to 70 pixels wide
        num_outs=1,
    ),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(scales=[4, 6, 8], strides=[_base_.demo_backbone['patch_size']]),
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(
            out_channels=channels, featmap_strides=[_base_.demo_backbone['patch_size']]
        ),
        bbox_head=dict(in_channels=channels, fc_out_channels=128, num_classes=num_classes),
        mask_roi_extractor=dict(
            out_channels=channels, featmap_strides=[_base_.demo_backbone['patch_size']]
        ),
        mask_head=dict(
            num_convs=2, in_channels=channels, conv_out_channels=32, num_classes=num_classes
        ),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=50),
        rcnn=dict(sampler=dict(num=32, pos_fraction=0.5)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=100, max_per_img=50), rcnn=dict(max_per_img=20)),
)

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmpretrain.LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(layer_decay_rate=0.65),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=max_iters // 10),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=0.01,
        by_epoch=False,
        begin=max_iters // 10,
        end=max_iters,
    ),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters // 3)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(by_epoch=False, interval=max_iters // 2, max_keep_ckpts=2),
)
log_processor = dict(by_epoch=False)
