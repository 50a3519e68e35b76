# UperNet on ADE20K of upstream's port of Swin, for MST's Swin-T, which has no such row: AdamW 6e-5,
# weight decay 0.01 (none of norms and position tables), drop path 0.3, 8 GPUs x 2. Another is the
# Swin: mmseg's own reads checkpoints past the strict initialiser in upstream's tools.
_base_ = [
    'mmseg::swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py',
    '../_base_/swin_tiny.py',
]

model = dict(backbone=dict(_delete_=True, drop_path_rate=0.3, **_base_.swin))
auto_scale_lr = dict(base_batch_size=16)
