# AttMask-High of 30 % of the tokens (AttMask, Tables 9c and A16).
_base_ = '../attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(masker=dict(ratio=0.3))
