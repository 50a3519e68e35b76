# iBOT's published file and command of UperNet for ViT-S/16: a learning rate of 3e-5, layer decay
# 0.9, the final norm on each of the four maps. AttMask names iBOT's hyper-parameters and gives
# others, those of iBOT's file for ViT-B. The file tests at six scales and with flips; here it is
# one scale.
_base_ = './upernet_vit-small-p16_8xb2-160k_ade20k-512x512.py'

model = dict(backbone=dict(type='mmpretrain.NormedMapsVisionTransformer', final_norm=True))
optim_wrapper = dict(optimizer=dict(lr=3e-5), paramwise_cfg=dict(layer_decay_rate=0.9))
