# AttMask-High by the attention of layer 9, counted from 1 (AttMask, Table 9a).
_base_ = '../attmask-high-ibot_vit-small-p16_8xb30-coslr-100e_in1k-20pct.py'

model = dict(scorer=dict(attention=dict(blocks=(8,))))
