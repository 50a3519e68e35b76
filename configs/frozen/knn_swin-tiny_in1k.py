# k-NN of Swin-T on ImageNet-1k (MST, Table 1): the mean patch token, for Swin has no CLS token.
_base_ = 'knn_vit-small-p16_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedSwinTransformer',
        arch='tiny',
        img_size=224,
        with_mask_token=False,
    )
)
test_cfg = dict(feature='gap')
