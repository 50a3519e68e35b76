# ccMIM's set-up with ViT-S/16, which its Table 3 has with ViT-B only: batch 16, layer decay 0.65,
# drop path 0.1. The paper names no learning rate: CAE's published one for a ViT-B pre-trained for
# 300 epochs, 3e-4 (for 800 epochs, 2e-4).
_base_ = './upernet_vit-small-p16_8xb2-160k_ade20k-512x512.py'

optim_wrapper = dict(optimizer=dict(lr=3e-4))
