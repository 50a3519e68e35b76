# Block-wise masks, lambda = 0.5: the weight of the patch loss (AttMask, Table A15).
_base_ = '../../ibot/ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(head=dict(patch_weight=0.5))
