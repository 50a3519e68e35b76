# MST with random masks (MST, Table 4: 63.2). That is Table 5's first cell, whence p = 0.05.
_base_ = '../mst_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(
    masker=dict(_delete_=True, type='BernoulliMasker', ratio=0.05),
    scorer=None,
)
