# A Swin-T for dense tasks, as `model = dict(backbone=dict(_delete_=True, **_base_.swin))`. mmdet's
# and mmseg's own read checkpoints past the strict initialiser in upstream's tools.
custom_imports = dict(imports=['mmmask.registration'], allow_failed_imports=False)

swin = dict(
    type='mmpretrain.SwinTransformer',
    arch='tiny',
    img_size=224,
    out_indices=(0, 1, 2, 3),
    pad_small_map=True,  # narrow images
    # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
    init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
)
