# MST without masks and without batch normalisation (MST, Appendix 9: 72.6).
_base_ = 'mst-no-bn_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(backbone=dict(with_mask_token=False), masker=None, scorer=None)
