# DINO with random tokens masked, 20 % of ImageNet-1k (AttMask, Table 3).
_base_ = '../dino/dino_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(
    backbone=dict(with_mask_token=True),
    masker=dict(type='RandomMasker', ratio=(0.1, 0.5), per='image', prob=0.5),
)
