# UperNet with a plain ViT-S/16 as in iBOT's dense transfer, which AttMask follows: the maps of
# blocks 3, 5, 7 and 11 become a pyramid. The rest is upstream's.
_base_ = 'mmseg::_base_/models/upernet_r50.py'
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

embed_dims = 384
model = dict(
    pretrained=None,
    backbone=dict(
        _delete_=True,
        type='mmpretrain.PlainVisionTransformer',
        pos_embed_resize='size',  # as the loaders of iBOT's, CAE's and MAE's segmenters do
        # ViT-S
        arch=dict(
            embed_dims=embed_dims, num_layers=12, num_heads=6, feedforward_channels=4 * embed_dims
        ),
        img_size=512,  # position embeddings are resized to the crops once, when they are loaded
        patch_size=16,
        out_type='featmap',
        out_indices=[3, 5, 7, 11],
        final_norm=False,
        drop_path_rate=0.1,
        # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    ),
    neck=dict(type='mmpretrain.BlockFeaturePyramid', in_channels=embed_dims),
    decode_head=dict(in_channels=[embed_dims] * 4),
    auxiliary_head=dict(in_channels=embed_dims),
)
