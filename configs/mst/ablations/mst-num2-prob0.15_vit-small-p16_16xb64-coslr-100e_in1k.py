# MST, num = 2 and p = 0.15 (MST, Table 5: 62.7).
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(masker=dict(num=2, token_prob=0.15))
