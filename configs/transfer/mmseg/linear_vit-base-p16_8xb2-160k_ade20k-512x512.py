# Linear segmentation on frozen features of ViT-B/16, as of ViT-S/16; the learning rate of
# iBOT's command for ViT-B is 8e-4 (of its file: 7e-4).
_base_ = ['./linear_vit-small-p16_8xb2-160k_ade20k-512x512.py', '../_base_/vit_base.py']

width = _base_.vit_base_width
model = dict(
    backbone=_base_.vit_base,
    decode_head=dict(in_channels=[width] * 4, channels=4 * width),
)

optim_wrapper = dict(optimizer=dict(lr=8e-4))
