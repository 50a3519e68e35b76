# ccMIM, Table 3: UperNet on ADE20K, ViT-B/16, 160k iterations (after 300 epochs MAE 45.2 mIoU, CAE
# 46.0, ccMIM 46.5; after 800 CAE 47.2, ccMIM 47.7).
_base_ = ['./upernet-ccmim_vit-small-p16_8xb2-160k_ade20k-512x512.py', '../_base_/vit_base.py']

width = _base_.vit_base_width
model = dict(
    backbone=_base_.vit_base,
    neck=dict(in_channels=width),
    decode_head=dict(in_channels=[width] * 4, channels=width),
    auxiliary_head=dict(in_channels=width),
)
