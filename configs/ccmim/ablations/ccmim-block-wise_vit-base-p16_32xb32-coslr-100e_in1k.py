# ccMIM with block-wise dividing, BEiT's blocks of at least 16 patches, 100 epochs (ccMIM, Table 5).
_base_ = '../ccmim_vit-base-p16_32xb32-coslr-100e_in1k.py'

model = dict(
    masker=dict(
        _delete_=True, type='BlockMasker', ratio=0.75, prob=1.0, min_num_patches=16, exact=True
    ),
    scorer=None,
)
