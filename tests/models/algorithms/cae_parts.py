"""What the tests of CAE's algorithms share: a neck, a head and a tokenizer for 4 x 4 patches."""

PARTS = dict(
    head=dict(type='CAEHead', loss=dict(type='CAELoss', lambd=2)),
    target_generator=dict(type='RandomProjectionTokenizer', num_codes=20, patch_size=2),
    base_momentum=0.5,
)


def neck(embed_dims: int, num_heads: int) -> dict:
    """Return the config of a regressor and a decoder of one block each."""
    return dict(
        type='CAENeck',
        num_classes=20,
        embed_dims=embed_dims,
        num_heads=num_heads,
        regressor_depth=1,
        decoder_depth=1,
        layer_scale_init_value=0.1,
        mask_tokens_num=6,
    )
