# DINO in MST's recipe with normal batch normalisation, all views together (MST, Table 6: 71.6).
_base_ = '../dino_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(neck=dict(norm_cfg=dict(type='SyncBN')), bn_statistics='all')
