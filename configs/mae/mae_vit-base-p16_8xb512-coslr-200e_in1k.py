# MAE, ViT-B/16, 200 epochs: the baseline of GPA (GPA, Tables 1, 2, 6 and 10).
_base_ = [
    '../_base_/datasets/imagenet_single_crop.py',
    '../_base_/schedules/mae_adamw_200e.py',
]

model = dict(
    type='MaskedAutoencoder',
    backbone=dict(
        type='MaskedVisionTransformer',
        arch='base',
        patch_size=16,
        mask_mode='drop',
        pos_embed='sincos',
        init='mae',
    ),
    neck=dict(
        type='MAEPretrainDecoder',
        num_patches=196,
        patch_size=16,
        embed_dim=768,
        decoder_embed_dim=512,
        decoder_depth=8,
        decoder_num_heads=16,
        init_cfg=dict(type='Xavier', layer='Linear', distribution='uniform'),
    ),
    head=dict(
        type='MAEPretrainHead',
        norm_pix=True,
        patch_size=16,
        loss=dict(type='PixelReconstructionLoss', criterion='L2'),
    ),
    masker=dict(type='RandomMasker', ratio=0.75),
)
