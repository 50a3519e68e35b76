# MST, num = 4 and p = 0.05 (MST, Table 5: 73.6).
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(masker=dict(num=4, token_prob=0.05))
