# A plain ViT-S/16 for dense tasks, as `model = dict(backbone=dict(_delete_=True, **_base_.vit))`.
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

vit = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(embed_dims=384, num_layers=12, num_heads=6, feedforward_channels=1536),
    img_size=224,  # as in pre-training: position embeddings are interpolated to each batch
    patch_size=16,
    out_type='featmap',
    final_norm=False,
    drop_path_rate=0.1,
    # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
    init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
)
