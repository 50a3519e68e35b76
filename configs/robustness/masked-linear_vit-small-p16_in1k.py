# A fitted linear probe of ViT-S/16 on masked ImageNet (AttMask, Table A11). The reference network:
# --cfg-options test_cfg.sets.masked.reference.init_cfg.checkpoint=DINO_VIT_B16
_base_ = 'variants-linear_vit-small-p16_in1k.py'

test_cfg = dict(sets=dict(_delete_=True, **_base_.masked_sets))
