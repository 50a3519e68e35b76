# A fitted linear probe of ViT-S/16 on the eight sets of ImageNet-9 (AttMask, Table 4).
_base_ = 'variants-linear_vit-small-p16_in1k.py'

test_cfg = dict(sets=dict(_delete_=True, **_base_.imagenet9_sets))
