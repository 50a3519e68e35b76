# Fine-tuning as MAE's (arXiv 2111.06377, Table 9): the mean of the patches and a new norm, drop
# path 0.1, mixup 0.8, cutmix 1.0, label smoothing 0.1, RandAugment 9 / 0.5, random erasing 0.25,
# AdamW with weight decay 0.05, 5 epochs of warm-up, cosine to 1e-6, batch 1024. All of these are
# upstream's; a child states its learning rate, layer decay and length.
#
# Differs from upstream: images are checked, checkpoints are loaded strictly, layer decay is this
# project's and scales the whole schedule, also its end, as MAE's code; and the schedule ends where
# the training does.
_base_ = 'mmpretrain::mae/benchmarks/vit-base-p16_8xb128-coslr-100e_in1k.py'
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

image_folder = dict(_delete_=True, type='StrictImageFolder', data_root='data/imagenet/')
train_pipeline = _base_.train_pipeline
train_pipeline[1] = dict(type='ResizedCrop', scale=224)  # upstream's in a quarter of its time
train_dataloader = dict(dataset=dict(**image_folder, data_prefix='train', pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(**image_folder, data_prefix='val', test_mode=True, pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader

# --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
model = dict(
    backbone=dict(
        init_cfg=dict(_delete_=True, type='Pretrained', checkpoint='SET-ME', source='auto')
    )
)

optim_wrapper = dict(
    constructor='mmpretrain.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        _delete_=True,
        layer_decay_rate=0.65,
        custom_keys={'cls_token': dict(decay_mult=0.0), 'pos_embed': dict(decay_mult=0.0)},
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-4, by_epoch=True, end=5, convert_to_iter_based=True),
    dict(type='CosineToLR', end_lr=1e-6, by_epoch=True, begin=5, convert_to_iter_based=True),
]
