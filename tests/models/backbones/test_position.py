"""Sine-cosine position embeddings, and positions at another size."""

import math

import pytest
import torch
from mmpretrain.models.utils import build_2d_sincos_position_embedding
from positions_by_hand import resized_by_hand

from mmmask.models.backbones import MaskedVisionTransformer, PlainVisionTransformer
from mmmask.models.backbones.position import (
    resize_position_embedding,
    sincos_position_embedding,
)


@pytest.mark.parametrize('rows, columns', [(3, 3), (2, 5), (5, 2)])
def test_against_the_definition(rows, columns):
    width = 8
    found = sincos_position_embedding(rows, columns, width)
    assert found.shape == (1, rows * columns, width) and found.dtype == torch.float32
    for row in range(rows):
        for column in range(columns):
            expected = []
            for place in (column, row):
                angles = [place / 10000 ** (k / 2) for k in range(2)]
                expected += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            token = found[0, row * columns + column]
            assert token.tolist() == pytest.approx(expected, abs=1e-6)


def test_is_mmpretrains_with_rows_and_columns_exchanged():
    """mmpretrain's decoder puts the row first: the same family, so a square agrees transposed."""
    theirs = build_2d_sincos_position_embedding(4, 16).view(4, 4, 16)
    ours = sincos_position_embedding(4, 4, 16).view(4, 4, 16)
    torch.testing.assert_close(ours, theirs.transpose(0, 1), rtol=0, atol=1e-6)


def test_a_width_that_4_does_not_divide():
    with pytest.raises(ValueError, match='multiple of 4, got width 6'):
        sincos_position_embedding(2, 2, 6)


@pytest.mark.parametrize(
    'source, target', [((14, 14), (6, 6)), ((14, 14), (32, 20)), ((3, 5), (4, 2))]
)
def test_dino_s_resize_is_by_size_and_a_tenth(source, target):
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(
        1, 1 + source[0] * source[1], 4, generator=generator, dtype=torch.float64
    )
    found = resize_position_embedding(embedding, source, target, 'dino')
    expected = resized_by_hand(embedding, source, target, 0.1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    exact = resize_position_embedding(embedding, source, target)
    torch.testing.assert_close(  # mmpretrain interpolates in float32
        exact, resized_by_hand(embedding, source, target, 0.0), rtol=0, atol=1e-5
    )
    assert resize_position_embedding(embedding, source, source, 'dino') is embedding


def features_by_hand(vit, images, positions):
    """The blocks, one after the other, on tokens to which the positions were added."""
    tokens = vit.patch_embed(images)[0] + positions[:, 1:]
    tokens = torch.cat(((vit.cls_token + positions[:, :1]).expand(len(tokens), 1, -1), tokens), 1)
    for layer in vit.layers:
        tokens = layer(tokens)
    return vit.ln1(tokens)


@pytest.mark.parametrize('resize, offset', [('dino', 0.1), ('size', 0.0), (None, 0.0)])
@pytest.mark.parametrize('kind', [MaskedVisionTransformer, PlainVisionTransformer])
def test_features_of_a_96_pixel_crop(kind, resize, offset):
    """A ViT/16 of 224 pixels: 14 x 14 positions become 6 x 6; whole images are the same."""
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
    options = dict(arch=arch, img_size=224, patch_size=16, out_type='raw')
    vit = kind(**options, pos_embed_resize=resize).double()
    vit.eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in vit.parameters():
        parameter.data.normal_(0, 0.5, generator=generator)
    crops = 0.03 * torch.randn(2, 3, 96, 96, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        (found,) = vit(crops)
        by_hand = [
            features_by_hand(vit, crops, resized_by_hand(vit.pos_embed, (14, 14), (6, 6), tenth))
            for tenth in (offset, 0.1 - offset)
        ]
        torch.testing.assert_close(found, by_hand[0], rtol=0, atol=1e-5 if offset == 0 else 1e-12)
        assert (found - by_hand[1]).abs().max() > 0.01 * found.abs().max()  # the other reading
        whole = torch.randn(1, 3, 224, 224, generator=generator, dtype=torch.float64)
        expected = features_by_hand(vit, whole, vit.pos_embed)
        torch.testing.assert_close(vit(whole)[0], expected, rtol=0, atol=1e-12)


def test_an_unknown_resize():
    with pytest.raises(ValueError, match="pos_embed_resize must be 'size' or 'dino', got 'ibot'"):
        PlainVisionTransformer(pos_embed_resize='ibot')
