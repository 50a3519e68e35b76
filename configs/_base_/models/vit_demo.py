# The demo's network: small enough to be pre-trained in minutes on one CPU core. Every demo config,
# also the detector's and the segmenter's, takes it by `**_base_.demo_backbone`.
demo_backbone = dict(
    arch=dict(embed_dims=64, num_layers=3, num_heads=2, feedforward_channels=256),
    img_size=32,
    patch_size=8,
)
