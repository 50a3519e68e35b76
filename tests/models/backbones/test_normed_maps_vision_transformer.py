import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.registry import MODELS

ARCH = dict(embed_dims=8, num_layers=4, num_heads=2, feedforward_channels=16)
KIND = 'NormedMapsVisionTransformer'


def build(**options):
    given = dict(type=KIND, arch=ARCH, img_size=32, patch_size=8, out_indices=[0, 2, 3])
    vit = MODELS.build({**given, **options})
    generator = torch.Generator().manual_seed(1)
    for parameter in vit.parameters():
        parameter.data.normal_(0, 0.5, generator=generator)
    vit.eval()
    return vit


def images(size=32):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('order', [[0, 2, 3], [3, 0, 2], [0, 2, -1]])
def test_every_map_is_normalised_once(order):
    """By hand: tokens of a plain ViT's blocks, without CLS; mean, deviation, weight and bias."""
    vit = build(out_indices=list(order))
    plain = VisionTransformer(ARCH, 32, 8, out_indices=[0, 2, 3], out_type='raw', final_norm=False)
    plain.eval()
    left = plain.load_state_dict(vit.state_dict(), strict=False)
    assert left.unexpected_keys == ['ln1.weight', 'ln1.bias'] and not left.missing_keys
    with torch.no_grad():
        maps, blocks = vit(images()), plain(images())
    assert len(maps) == 3
    for features, tokens in zip(maps, blocks):
        tokens = tokens[:, 1:].double()
        mean = tokens.mean(dim=-1, keepdim=True)
        variance = (tokens - mean).square().mean(dim=-1, keepdim=True)
        normed = (tokens - mean) / (variance + 1e-6).sqrt() * vit.ln1.weight + vit.ln1.bias
        assert features.shape == (2, 8, 4, 4)
        for row in range(4):
            for column in range(4):
                expected = normed[:, 4 * row + column].float()
                torch.testing.assert_close(
                    features[:, :, row, column], expected, rtol=1e-4, atol=1e-4
                )


def test_all_is_loaded_and_trained(tmp_path):
    source, path = VisionTransformer(ARCH, 32, 8), str(tmp_path / 'vit.pth')
    torch.nn.init.normal_(source.ln1.weight)
    state = {f'backbone.{name}': value for name, value in source.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    vit = build(init_cfg=dict(type='Pretrained', checkpoint=path, allow=dict(heads=True)))
    vit.init_weights()
    loaded = vit.state_dict()
    assert loaded.keys() == source.state_dict().keys()
    assert all(torch.equal(loaded[name], value) for name, value in source.state_dict().items())
    sum(features.square().sum() for features in vit(images())).backward()
    assert all(parameter.grad is not None for parameter in vit.parameters())


def test_freezing_all_blocks_freezes_the_final_norm():
    vit = build(frozen_stages=4)
    assert not any(parameter.requires_grad for parameter in vit.parameters())
    assert all(parameter.requires_grad for parameter in build(frozen_stages=3).ln1.parameters())


@pytest.mark.parametrize('options', [dict(out_type='raw'), dict(final_norm=False)])
def test_nothing_but_normed_maps(options):
    with pytest.raises(ValueError, match="makes maps and norms them: out_type='featmap' and final"):
        build(**options)
