# Mask R-CNN with a plain ViT-S/16 and ViTDet's simple feature pyramid instead of ResNet-50 and FPN;
# the rest is upstream's.
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'
custom_imports = dict(imports=['mmmask'], allow_failed_imports=False)

embed_dims = 384
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        # ViT-S
        arch=dict(
            embed_dims=embed_dims, num_layers=12, num_heads=6, feedforward_channels=4 * embed_dims
        ),
        img_size=224,  # as in pre-training: position embeddings are interpolated to each batch
        patch_size=16,
        out_type='featmap',
        final_norm=False,
        drop_path_rate=0.1,
        # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    ),
    neck=dict(
        _delete_=True,
        type='mmpretrain.SimpleFeaturePyramid',
        in_channels=embed_dims,
        out_channels=256,
        num_outs=5,
    ),
)
