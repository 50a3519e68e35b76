# MST with batch normalisation of all views together: what the update rule of Section 3.3 changes.
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(bn_statistics='all')
