# DINO, ViT-S/16, as AttMask's baseline (Appendix B; Table 3): no masks, no patch loss.
_base_ = [
    '../_base_/datasets/imagenet_multicrop.py',
    '../_base_/schedules/dino_adamw_100e.py',
]

model = dict(
    type='SelfDistillation',
    backbone=dict(
        type='MaskedVisionTransformer',
        arch='deit-small',
        patch_size=16,
        drop_path_rate=0.1,
        with_mask_token=False,
        pos_embed_resize='dino',  # of local crops, by 6.1 / 14
    ),
    neck=dict(type='DINOProjection', in_channels=384, out_channels=65536, norm_last_layer=False),
    head=dict(type='SelfDistillationHead', out_channels=65536, patch_weight=0.0),
)

# s = 0.4 for DINO.
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='MultiCrop', global_scale=(0.4, 1.0), local_scale=(0.05, 0.4)),
            dict(type='PackInputs'),
        ]
    )
)
