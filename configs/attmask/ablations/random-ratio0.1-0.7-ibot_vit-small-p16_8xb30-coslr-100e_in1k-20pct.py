# Random masks of 10-70 % of the tokens (AttMask, Table A16).
_base_ = '../random-ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(masker=dict(ratio=(0.1, 0.7)))
