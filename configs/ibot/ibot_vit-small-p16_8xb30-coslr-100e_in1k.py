# iBOT, ViT-S/16, as AttMask's baseline: block-wise masks of 0 or U(0.1, 0.5) of the patches with
# equal chance, a head of 8192 prototypes shared by CLS and patches, the patch loss beside DINO's.
_base_ = '../dino/dino_vit-small-p16_8xb30-coslr-100e_in1k.py'

model = dict(
    backbone=dict(with_mask_token=True),
    neck=dict(out_channels=8192),
    head=dict(out_channels=8192, patch_weight=1.0),
    masker=dict(type='BlockMasker', ratio=(0.1, 0.5), per='image', prob=0.5),
)

# s = 0.25 for iBOT, MultiCrop's default.
train_dataloader = dict(
    dataset=dict(
        pipeline=[dict(type='LoadImageFromFile'), dict(type='MultiCrop'), dict(type='PackInputs')]
    )
)

default_hooks = dict(
    schedule=dict(
        schedules=dict(
            teacher_patch_temp=dict(
                path='model.head.teacher_patch_temp',
                by='epoch',
                schedule=dict(type='ConstantSchedule', value=0.07, warmup=30, warmup_start=0.04),
            )
        )
    )
)
