# What a ViT-B/16 changes of a config with a ViT-S/16, taken by these names.
vit_base_width = 768
vit_base = dict(
    arch=dict(embed_dims=vit_base_width, num_heads=12, feedforward_channels=4 * vit_base_width)
)
vit_base_neck = [
    dict(type='mmpretrain.BlockFeaturePyramid', in_channels=vit_base_width),
    dict(type='FPN', in_channels=[vit_base_width] * 4, out_channels=256, num_outs=5),
]
