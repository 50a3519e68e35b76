# MST without masks: restoration and batch normalisation alone (MST, Table 4: 73.1).
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(backbone=dict(with_mask_token=False), masker=None, scorer=None)
