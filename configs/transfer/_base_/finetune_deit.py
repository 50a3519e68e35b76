# Fine-tuning as DeiT's transfers (arXiv 2012.12877), which DINO, iBOT and AttMask follow on small
# data sets: ViT-S/16 at 224 px, the CLS token, no layer decay, drop path 0.1, AdamW with weight
# decay 0.05, 5 epochs of warm-up from 1e-6, cosine to 1e-5, images repeated three times a batch;
# mixup, cutmix, label smoothing, RandAugment and erasing as in MAE's recipe. Rate and batch are
# AttMask's (Appendix B): 7.5e-6 at 900, as 6 GPUs x 150. DeiT's linear rule, which AttMask's code
# applies to that, divides by 512: lr = 7.5e-6 x 900 / 512. A child states its data and length.
#
# Differs from upstream's DeiT-S: drop path 0.1 (0), no clipping of gradients (at 5), repeated
# augmentation, warm-up 5 epochs (20), strictly loaded checkpoints. AttMask's code keeps a moving
# average of the weights, too, but evaluates the weights themselves: there is none here.
_base_ = 'mmpretrain::deit/deit-small_4xb256_in1k.py'
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        drop_path_rate=0.1,
        # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    ),
    # Upstream's head starts at zero.
    head=dict(init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02)),
)

default_hooks = dict(checkpoint=dict(max_keep_ckpts=2))

train_pipeline = _base_.train_pipeline
train_pipeline[1] = dict(type='ResizedCrop', scale=224)  # upstream's in a quarter of its time

batch = 150  # of each of 6 GPUs
train_dataloader = dict(
    batch_size=batch, sampler=dict(_delete_=True, type='RepeatAugSampler', num_repeats=3)
)
auto_scale_lr = dict(base_batch_size=6 * batch)

optim_wrapper = dict(optimizer=dict(lr=7.5e-6 * 6 * batch / 512), clip_grad=None)
param_scheduler = [
    dict(type='WarmUpLR', start_lr=1e-6, by_epoch=True, end=5, convert_to_iter_based=True),
    dict(type='CosineToLR', end_lr=1e-5, by_epoch=True, begin=5, convert_to_iter_based=True),
]
