# Linear segmentation on frozen features of ViT-B/16, as of ViT-S/16; the learning rate of
# iBOT's command for ViT-B is 8e-4 (of its file: 7e-4).
_base_ = './linear_vit-small-p16_8xb2-160k_ade20k-512x512.py'

width = 768
model = dict(
    backbone=dict(arch=dict(embed_dims=width, num_heads=12, feedforward_channels=3072)),
    decode_head=dict(in_channels=[width] * 4, channels=4 * width),
)

optim_wrapper = dict(optimizer=dict(lr=8e-4))
