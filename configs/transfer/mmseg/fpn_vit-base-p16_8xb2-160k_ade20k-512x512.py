# ccMIM's FPN with ViT-B/16.
_base_ = ['./fpn_vit-small-p16_8xb2-160k_ade20k-512x512.py', '../_base_/vit_base.py']

model = dict(
    backbone=_base_.vit_base,
    neck=[_base_.vit_base_neck[0], dict(_base_.vit_base_neck[1], num_outs=4)],
)
