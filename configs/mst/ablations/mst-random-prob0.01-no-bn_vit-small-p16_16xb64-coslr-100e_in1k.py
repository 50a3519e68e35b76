# MST without batch normalisation, random masks, p = 0.01 (MST, Appendix 9: 71.1).
_base_ = 'mst-no-bn_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(
    masker=dict(_delete_=True, type='BernoulliMasker', ratio=0.01),
    scorer=None,
)
