# ConvMAE at the demo's size, on the embedded data: convolutions at strides 2 and 4, then as many
# patches of the same width as the other demos' ViT. k-NN takes the mean patch.
_base_ = 'mae_vit-demo_material-scenes.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MaskedConvMAE',
        arch=dict(embed_dims=(16, 32, 64), depths=(1, 1, 2), num_heads=2),
        img_size=32,
        strides=(2, 2, 2),
    )
)

default_hooks = dict(knn=dict(feature='gap'))
