import pytest
from mmpretrain.registry import MODELS

ARCH = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)


@pytest.mark.parametrize('stages, trained', [(-1, True), (0, True), (1, False), (2, False)])
def test_registers_are_frozen_with_the_other_tokens(stages, trained):
    vit = MODELS.build(
        dict(
            type='RegisterVisionTransformer',
            arch=ARCH,
            img_size=16,
            patch_size=8,
            frozen_stages=stages,
        )
    )
    assert vit.cls_token.requires_grad is vit.register_tokens.requires_grad is trained
    if stages == len(vit.layers):
        assert not any(parameter.requires_grad for parameter in vit.parameters())
