# MST's linear probe of Swin-T on ImageNet-1k (MST, Table 1, a row without a dagger): the mean patch
# token of the last stage, for Swin has no CLS token.
_base_ = 'linear-mst_vit-small-p16_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedSwinTransformer',
        arch='tiny',
        img_size=224,
        with_mask_token=False,
        init_cfg=dict(type='Pretrained', checkpoint='SET-ME', source='auto'),
    ),
)
