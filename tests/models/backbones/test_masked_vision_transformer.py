"""The masked ViT is mmpretrain's, with a token in place of what is masked."""

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer

from mmmask.models.backbones import MaskedVisionTransformer
from mmmask.models.backbones.position import sincos_position_embedding

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
    masked.mask_token.data.neg_()  # not a constant more, which norms take away
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


def layers_by_hand(vit, tokens):
    for layer in vit.layers:
        tokens = layer(tokens)
    return vit.ln1(tokens)


@pytest.mark.parametrize('positions', ['learned', 'sincos'])
def test_dropping_is_the_layers_on_cls_and_visible_tokens(positions):
    """Positions are added first, each to its own token; what is masked never enters a layer."""
    vit = randomised(MaskedVisionTransformer(**SIZES, mask_mode='drop', pos_embed=positions))
    mask = torch.zeros(2, 16, dtype=torch.bool)
    mask[0, [0, 3, 4, 9, 15]] = True
    mask[1, [1, 2, 5, 6, 7]] = True
    output = vit(images(), mask)[0]
    assert output.shape == (2, 1 + 11, 8)
    patches = vit.patch_embed(images())[0]
    for image in range(2):
        visible = [place for place in range(16) if not mask[image, place]]
        rows = [vit.cls_token[0, 0] + vit.pos_embed[0, 0]]
        rows += [patches[image, place] + vit.pos_embed[0, 1 + place] for place in visible]
        expected = layers_by_hand(vit, torch.stack(rows).unsqueeze(0))
        torch.testing.assert_close(output[image : image + 1], expected, rtol=1e-5, atol=1e-5)


def test_dropping_nothing_is_the_parent():
    vit = randomised(MaskedVisionTransformer(**SIZES, mask_mode='drop'))
    plain = VisionTransformer(**SIZES, out_type='raw')
    plain.load_state_dict(vit.state_dict(), strict=True)  # no mask token: nothing is replaced
    nothing = torch.zeros(2, 16, dtype=torch.bool)
    assert torch.equal(vit(images())[0], plain(images())[0])
    torch.testing.assert_close(vit(images(), nothing)[0], plain(images())[0])


def test_dropping_at_another_size():
    vit = randomised(MaskedVisionTransformer(**SIZES, mask_mode='drop'))
    mask = torch.tensor([[True, False, False, True, False, True]] * 2)
    assert vit(images(8, 12), mask)[0].shape == (2, 1 + 3, 8)
    assert vit.token_grid(8, 12) == vit.grid(8, 12) == (2, 3)


def test_dropping_different_numbers():
    vit = MaskedVisionTransformer(**SIZES, mask_mode='drop')
    mask = torch.zeros(2, 16, dtype=torch.bool)
    mask[1, 0] = True
    with pytest.raises(ValueError, match='between 0 and 1 masked patches'):
        vit(images(), mask)


def test_berts_style_hides_most_and_passes_a_gradient_to_the_mask_token():
    vit = randomised(MaskedVisionTransformer(**SIZES, mask_style='bert'))
    everything = torch.ones(2, 16, dtype=torch.bool)
    torch.manual_seed(0)
    output = vit(images(), everything)[0]
    assert not torch.allclose(output, vit(images())[0])
    torch.manual_seed(1)
    assert not torch.allclose(output, vit(images(), everything)[0])  # other tokens are hidden
    output.sum().backward()
    assert vit.mask_token.grad.abs().sum() > 0


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(mask_mode='keep'), "mask_mode must be 'replace' or 'drop', got 'keep'"),
        (dict(mask_style='random'), "mask_style must be 'token' or 'bert', got 'random'"),
        (dict(pos_embed='rope'), "pos_embed must be 'learned' or 'sincos', got 'rope'"),
        (dict(init='beit'), "init must be 'dino' or 'mae', got 'beit'"),
        (dict(mask_mode='drop', mask_style='bert'), 'nothing is replaced'),
        (dict(mask_mode='drop', with_mask_token=True), 'nothing is replaced'),
    ],
)
def test_options_that_do_not_go(options, message):
    with pytest.raises(ValueError, match=message) as error:
        MaskedVisionTransformer(**SIZES, **options)
    assert '\n' not in str(error.value)


def test_maes_initial_weights():
    torch.manual_seed(0)
    arch = dict(embed_dims=64, num_layers=2, num_heads=2, feedforward_channels=256)
    vit = MaskedVisionTransformer(
        arch=arch, img_size=32, patch_size=4, mask_mode='drop', pos_embed='sincos', init='mae'
    )
    vit.init_weights()
    assert not vit.pos_embed.requires_grad and not vit.pos_embed[:, 0].any()
    assert torch.equal(vit.pos_embed[:, 1:], sincos_position_embedding(8, 8, 64))
    for name, value in vit.state_dict().items():
        if name.endswith('weight') and value.ndim > 1:  # the projection: 3 * 4 * 4 inputs
            fan_out, fan_in = value.flatten(1).shape
            bound = (6 / (fan_in + fan_out)) ** 0.5
            assert value.abs().max() <= bound, name
            # Uniform: 3072 values or more, of which the variance is known to 1.6 %.
            assert value.var().item() == pytest.approx(bound**2 / 3, rel=0.065), name
        elif name.endswith('bias') and 'patch_embed' not in name:
            assert not value.any(), name
    assert 0.01 < vit.cls_token.std().item() < 0.03


def test_fixed_positions_survive_a_checkpoint(tmp_path):
    """They are in the state dict under the parent's name, and what a checkpoint holds counts."""
    options = dict(**SIZES, mask_mode='drop', pos_embed='sincos')
    source = randomised(MaskedVisionTransformer(**options))
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in source.state_dict().items()}), path)
    vit = MaskedVisionTransformer(**options, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    vit.init_weights()
    assert torch.equal(vit.pos_embed, source.pos_embed) and not vit.pos_embed.requires_grad
