# iBOT at the demo's size, on the embedded data: block-wise masks and the patch loss beside DINO's.
_base_ = 'dino_vit-demo_material-scenes.py'

model = dict(
    backbone=dict(with_mask_token=True),
    head=dict(patch_weight=1.0),
    masker=dict(type='BlockMasker', ratio=(0.1, 0.5), per='image', prob=0.5),
)

default_hooks = dict(
    schedule=dict(
        schedules=dict(
            teacher_patch_temp=dict(
                path='model.head.teacher_patch_temp',
                by='epoch',
                schedule=dict(type='ConstantSchedule', value=0.02, warmup=0, warmup_start=0.04),
            )
        )
    )
)
