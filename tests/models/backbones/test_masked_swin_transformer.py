"""The masked Swin beside mmpretrain's."""

import pytest
import torch
from mmpretrain.models import SwinTransformer

from mmmask.models.backbones import MaskedSwinTransformer

ARCH = dict(embed_dims=4, depths=[2, 2, 2], num_heads=[1, 2, 2])
SIZES = dict(arch=ARCH, img_size=24, patch_size=2, window_size=3)  # maps of 12, 6 and 3


def build(seed=0, **kwargs):
    swin = MaskedSwinTransformer(**{**SIZES, **kwargs}).double()
    generator = torch.Generator().manual_seed(seed)
    for parameter in swin.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    swin.eval()
    return swin


def images(*size):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*size, generator=generator, dtype=torch.float64)


def test_plain_swin_loads_it_and_gives_the_same_tokens():
    swin = build()
    plain = SwinTransformer(out_indices=(2,), **SIZES).double()
    plain.eval()
    keys = plain.load_state_dict(swin.state_dict(), strict=False)
    assert keys.missing_keys == [] and keys.unexpected_keys == ['mask_token']
    x = images(2, 3, 24, 24)
    (tokens,), (maps,) = swin(x), plain(x)
    assert tokens.shape == (2, 1 + 9, 16)
    torch.testing.assert_close(tokens[:, 1:], maps.flatten(2).transpose(1, 2), rtol=0, atol=0)
    expected = sum(tokens[:, 1 + i] for i in range(9)) / 9
    torch.testing.assert_close(tokens[:, 0], expected, rtol=1e-12, atol=1e-12)


def test_windows_are_shifted_where_plain_swin_shifts_them():
    shifts = [[block.attn.shift_size for block in stage.blocks] for stage in build().stages]
    assert shifts == [[0, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize('size, tokens', [((12, 12), (2, 2)), ((8, 24), (1, 3)), ((10, 7), (2, 1))])
def test_views_of_other_sizes_are_padded(size, tokens):
    swin = build()
    assert swin.token_grid(*size) == tokens
    (out,) = swin(images(2, 3, *size))
    assert out.shape == (2, 1 + tokens[0] * tokens[1], 16) and out.isfinite().all()


def test_local_crops_of_swin_tiny():
    swin = MaskedSwinTransformer(
        dict(embed_dims=6, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]), drop_path_rate=0.0
    )
    assert swin.grid(224, 224) == swin.token_grid(224, 224) == (7, 7)
    assert swin(torch.randn(1, 3, 96, 96))[0].shape == (1, 1 + 3 * 3, 48)


@pytest.mark.parametrize('mask_stride, cells', [(None, 3), (8, 3), (4, 6), (2, 12)])
def test_masked_cells_become_the_mask_token(mask_stride, cells):
    swin, seen = build(mask_stride=mask_stride), []
    assert swin.grid(24, 24) == (cells, cells)
    swin.drop_after_pos.register_forward_hook(lambda _, __, out: seen.append(out))
    mask = torch.zeros(2, cells, cells, dtype=torch.bool)
    mask[0, 0, 1], mask[1, cells - 1, cells - 1] = True, True
    x = images(2, 3, 24, 24)
    swin(x)
    swin(x, mask.flatten(1))
    plain, masked = (tokens.unflatten(1, (12, 12)) for tokens in seen)
    side = 12 // cells
    expected = plain.clone()
    expected[0, :side, side : 2 * side] = swin.mask_token[0, 0]
    expected[1, -side:, -side:] = swin.mask_token[0, 0]
    assert torch.equal(masked, expected)


def test_partial_cells():
    swin, seen = build(), []
    assert swin.grid(10, 7) == (2, 1)
    swin.drop_after_pos.register_forward_hook(lambda _, __, out: seen.append(out))
    swin(images(1, 3, 10, 7), torch.tensor([[False, True]]))
    tokens = seen[0].unflatten(1, (5, 4))  # patches of 2 pixels, the last column's is padded
    is_mask = (tokens == swin.mask_token[0, 0]).all(-1)[0]
    assert is_mask.sum(dim=1).tolist() == [0, 0, 0, 0, 4]


def test_an_empty_mask_changes_nothing():
    swin, x = build(), images(2, 3, 24, 24)
    assert torch.equal(swin(x)[0], swin(x, torch.zeros(2, 9, dtype=torch.bool))[0])


def test_initial_weights():
    torch.manual_seed(0)
    swin = MaskedSwinTransformer(
        dict(embed_dims=32, depths=[1, 1], num_heads=[1, 1]), img_size=16, window_size=2
    )
    swin.init_weights()
    assert not swin.mask_token.any()
    weight = swin.stages[1].blocks[0].ffn.layers[1].weight  # 16384 values: known to 0.6 %
    assert weight.std().item() == pytest.approx(0.02, rel=0.025)
    assert not swin.stages[1].blocks[0].attn.w_msa.qkv.bias.any()


def test_mistakes():
    with pytest.raises(ValueError, match='multiple of the patch size 2, got 3'):
        build(mask_stride=3)
    with pytest.raises(ValueError, match="out_type='raw' only"):
        build(out_type='featmap')
    with pytest.raises(ValueError, match='no position embeddings'):
        build(use_abs_pos_embed=True)
    with pytest.raises(ValueError, match=r'mask is \(1, 4\), but the patches are \(1, 9\)'):
        build()(images(1, 3, 24, 24), torch.zeros(1, 4, dtype=torch.bool))
    without = build(with_mask_token=False)
    assert not hasattr(without, 'mask_token')
    with pytest.raises(ValueError, match='with_mask_token=False'):
        without(images(1, 3, 24, 24), torch.zeros(1, 9, dtype=torch.bool))
