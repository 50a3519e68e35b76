# Fine-tuning of a classifier at the demo's size, on the embedded data: few labelled images, a short
# training. From a pre-trained checkpoint, or from scratch (--cfg-options
# model.backbone.init_cfg=None); nothing else differs.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/material_scenes_cls.py',
    '../_base_/models/vit_demo.py',
    '../_base_/schedules/demo_transfer.py',
]

num_classes = 12

data_preprocessor = dict(
    num_classes=num_classes,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='VisionTransformer',
        # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
        **_base_.demo_backbone,
    ),
    head=dict(
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=_base_.demo_backbone['arch']['embed_dims'],
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
    ),
)

train_dataloader = dict(dataset=dict(max_per_class=5))

# Of 1e-3 and 2e-3 the one that serves training from scratch better.
optim_wrapper = dict(optimizer=dict(lr=2e-3))

val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator

default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(by_epoch=False, interval=_base_.max_iters // 2),
)
log_processor = dict(by_epoch=False)
