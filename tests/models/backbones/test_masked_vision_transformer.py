"""The masked ViT is mmpretrain's, with a token in place of what is masked."""

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer

from mmmask.models.backbones import MaskedVisionTransformer

ARCH = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
SIZES = dict(arch=ARCH, img_size=16, patch_size=4)


def randomised(vit):
    generator = torch.Generator().manual_seed(0)
    for parameter in vit.parameters():
        parameter.data.normal_(0, 0.5, generator=generator)
    return vit


@pytest.fixture
def masked():
    return randomised(MaskedVisionTransformer(**SIZES))


def images(height=16, width=16):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def some_mask(tokens=16):
    return torch.rand(2, tokens, generator=torch.Generator().manual_seed(2)) < 0.4


@pytest.mark.parametrize('size', [(16, 16), (8, 12), (24, 20)])
@pytest.mark.parametrize(
    'options', [{}, dict(final_norm=False, out_indices=[0, 1]), dict(pre_norm=True)]
)
def test_without_a_mask_it_is_the_parent_bitwise(size, options):
    masked = randomised(MaskedVisionTransformer(**SIZES, **options))
    plain = VisionTransformer(**SIZES, **options, out_type='raw')
    weights = masked.state_dict()
    mask_token = weights.pop('mask_token')
    assert mask_token.shape == (1, 1, 8)
    plain.load_state_dict(weights, strict=True)  # the same names and shapes but for mask_token
    outputs, expected = masked(images(*size)), plain(images(*size))
    assert len(outputs) == len(expected)
    nothing = torch.zeros(2, size[0] * size[1] // 16, dtype=torch.bool)
    for output, unmasked, reference in zip(outputs, masked(images(*size), nothing), expected):
        assert output.shape == (2, 1 + nothing.shape[1], 8)
        assert torch.equal(output, reference)
        assert torch.equal(unmasked, reference)


def test_masked_patches_are_not_seen(masked):
    mask = some_mask()
    pixels = mask.view(2, 1, 4, 4).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    changed = torch.where(pixels, torch.full_like(images(), 7.0), images())
    output = masked(images(), mask)[0]
    assert torch.equal(output, masked(changed, mask)[0])
    # All others are: the masks are where they are said to be, in row-major order.
    changed = torch.where(pixels, images(), torch.full_like(images(), 7.0))
    assert not torch.allclose(output, masked(changed, mask)[0])


def test_the_mask_token_takes_the_patch_embeddings_place_before_positions(masked):
    # A projection that is constant and equal to the mask token: masking then changes nothing.
    masked.patch_embed.projection.weight.data.zero_()
    masked.mask_token.data.copy_(masked.patch_embed.projection.bias.data)
    assert torch.equal(masked(images(), some_mask())[0], masked(images())[0])
    masked.mask_token.data.add_(1)
    assert not torch.allclose(masked(images(), some_mask())[0], masked(images())[0])


def test_another_size_with_a_mask(masked):
    output = masked(images(8, 12), some_mask(6))[0]
    assert output.shape == (2, 7, 8) and torch.isfinite(output).all()


@pytest.mark.parametrize('size, grid', [((16, 16), (4, 4)), ((8, 12), (2, 3)), ((15, 17), (4, 5))])
def test_grid_is_what_the_forward_sees(masked, size, grid):
    assert masked.grid(*size) == grid
    masked(images(*size), torch.zeros(2, grid[0] * grid[1], dtype=torch.bool))


@pytest.mark.parametrize('shape', [(2, 15), (2, 17), (1, 16), (2, 4, 4)])
def test_a_mask_of_another_shape(masked, shape):
    with pytest.raises(ValueError, match='the patches are'):
        masked(images(), torch.zeros(shape, dtype=torch.bool))


def test_without_a_mask_token():
    vit = MaskedVisionTransformer(**SIZES, with_mask_token=False)
    parent = VisionTransformer(**SIZES, out_type='raw')
    assert vit.state_dict().keys() == parent.state_dict().keys()
    vit(images())
    with pytest.raises(ValueError, match='with_mask_token=False'):
        vit(images(), some_mask())


def test_initial_weights():
    torch.manual_seed(0)
    arch = dict(embed_dims=64, num_layers=2, num_heads=2, feedforward_channels=256)
    vit = MaskedVisionTransformer(arch=arch, img_size=32, patch_size=4)
    vit.init_weights()
    weights = vit.state_dict()
    assert not weights['mask_token'].any()
    for name, value in weights.items():
        if name.endswith('bias') and 'patch_embed' not in name:
            assert not value.any(), name
        elif '.ln' in name or name.startswith('ln1'):
            assert (value == 1).all(), name
        elif 'weight' in name and 'patch_embed' not in name or name == 'pos_embed':
            # 4096 values or more: the standard deviation is known to 1.1 %; four of these.
            assert value.std().item() == pytest.approx(0.02, rel=0.045), name
            assert abs(value.mean().item()) < 0.0015, name
    assert 0.01 < weights['cls_token'].std().item() < 0.03


@pytest.mark.parametrize('as_list', [False, True])
def test_pretrained_weights_are_not_initialised_over(masked, tmp_path, as_list):
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in masked.state_dict().items()}), path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    vit = MaskedVisionTransformer(**SIZES, init_cfg=[init_cfg] if as_list else init_cfg)
    vit.init_weights()
    for name, value in masked.state_dict().items():
        assert torch.equal(vit.state_dict()[name], value), name
