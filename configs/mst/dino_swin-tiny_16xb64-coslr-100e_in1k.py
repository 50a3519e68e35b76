# DINO, Swin-T, in MST's recipe: the baseline of MST's Table 2. The global token is the mean patch.
_base_ = 'dino_vit-small-p16_16xb64-coslr-100e_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedSwinTransformer',
        arch='tiny',
        img_size=224,
        drop_path_rate=0.1,
        with_mask_token=False,
    ),
    neck=dict(in_channels=768),
)
