# A fitted linear probe of ViT-S/16 on images corrupted as ImageNet-C's: 75 passes over the
# validation images.
_base_ = 'variants-linear_vit-small-p16_in1k.py'

test_cfg = dict(sets=dict(_delete_=True, **_base_.corrupted_sets))
