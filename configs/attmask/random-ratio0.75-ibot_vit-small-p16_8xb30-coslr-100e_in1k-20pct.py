# iBOT with 75 % of the tokens masked at random, as in MAE; 20 % of ImageNet-1k (AttMask, Table 1).
_base_ = 'random-ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(masker=dict(ratio=0.75))
