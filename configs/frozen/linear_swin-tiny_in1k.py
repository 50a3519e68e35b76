# Linear probing of Swin-T on ImageNet-1k (MST, Table 1): the mean patch token of the last stage.
_base_ = 'linear_vit-small-p16_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedSwinTransformer',
        arch='tiny',
        img_size=224,
        with_mask_token=False,
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    ),
    n_last_blocks=1,
)
