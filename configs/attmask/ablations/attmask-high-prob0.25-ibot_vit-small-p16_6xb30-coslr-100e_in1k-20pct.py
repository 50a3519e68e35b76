# AttMask-High, each image masked with probability 0.25, at a batch of 180 (AttMask, Table 9b).
_base_ = 'attmask-high-prob0.5-ibot_vit-small-p16_6xb30-coslr-100e_in1k-20pct.py'

model = dict(masker=dict(prob=0.25))
