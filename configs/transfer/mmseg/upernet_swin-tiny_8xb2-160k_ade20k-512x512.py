# Swin's own UperNet on ADE20K, for MST's Swin-T, which has no such row: AdamW 6e-5, weight decay
# 0.01 (none of norms and position tables), drop path 0.3, 8 GPUs x 2. Upstream's, but for the
# Swin: mmseg's own reads checkpoints past the strict initialiser in upstream's tools.
_base_ = 'mmseg::swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py'
custom_imports = dict(imports=['mmmask'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SwinTransformer',
        arch='tiny',
        img_size=224,
        out_indices=(0, 1, 2, 3),
        drop_path_rate=0.3,
        pad_small_map=True,
        # --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    )
)
auto_scale_lr = dict(base_batch_size=16)
