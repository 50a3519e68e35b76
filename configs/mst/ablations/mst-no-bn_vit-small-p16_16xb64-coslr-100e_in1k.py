# MST without batch normalisation in the head; the decoder keeps its own (MST, Table 6: 73.1).
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(neck=dict(norm_cfg=None))
