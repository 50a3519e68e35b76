# ccMIM with random dividing, 100 epochs (ccMIM, Table 5).
_base_ = '../ccmim_vit-base-p16_32xb32-coslr-100e_in1k.py'

model = dict(
    masker=dict(_delete_=True, type='RandomMasker', ratio=0.75),
    scorer=None,
)
