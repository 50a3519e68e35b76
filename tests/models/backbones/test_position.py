"""Sine-cosine position embeddings."""

import math

import pytest
import torch
from mmpretrain.models.utils import build_2d_sincos_position_embedding

from mmmask.models.backbones.position import sincos_position_embedding


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
