# MST, num = 2 and p = 0.1 (MST, Table 5: 64.4).
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(masker=dict(num=2))
