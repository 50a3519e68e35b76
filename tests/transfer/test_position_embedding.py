"""Rows and columns of position embeddings, where they are known, and where they aren't."""

from __future__ import annotations

import pytest
import torch
from tiny_backbones import build_vit

from mmmask.transfer.position_embedding import fit_position_embedding, position_layout
from mmmask.utils.errors import UserError

AMBIGUOUS = 'The 16 position embeddings of the file are taken for 2x8'


def rows(count: int) -> torch.Tensor:
    """(1, N, 12), each row its number."""
    return torch.arange(float(count)).view(1, -1, 1).repeat(1, 1, 12)


@pytest.mark.parametrize(
    'count, prefix, grid, fallback, expected',
    [
        (10, 1, None, None, (1, (3, 3))),
        (9, 1, None, None, (0, (3, 3))),
        (10, 1, (2, 5), None, (0, (2, 5))),  # although the rest of a CLS token's is a square
        (17, 1, (2, 8), None, (1, (2, 8))),
        (17, 1, (3, 3), None, (1, (4, 4))),  # what is known can't be
        (17, 1, None, (2, 8), (1, (2, 8))),
        (17, 1, None, (3, 3), (1, (4, 4))),
        (17, 1, (8, 2), (2, 8), (1, (8, 2))),
        (13, 1, None, (3, 3), (1, (3, 3))),
        (18, 2, None, None, (2, (4, 4))),
    ],
)
def test_layout(count, prefix, grid, fallback, expected):
    assert position_layout(rows(count), prefix, grid, fallback) == expected


def test_no_layout():
    with pytest.raises(UserError, match='The 12 position embeddings of the file are no square'):
        position_layout(rows(13), 1, None)


def test_as_many_positions_are_the_config_s_grid(log):
    vit = build_vit(img_size=(16, 64))
    tensors = dict(cls_token=torch.zeros(1, 1, 12), pos_embed=rows(17))
    assert fit_position_embedding(tensors, vit, None) == []
    assert torch.equal(tensors['pos_embed'], rows(17))
    (warning,) = [text for text in log if AMBIGUOUS in text]
    assert "if they are 4x4, set the backbone's img_size" in warning
    log.clear()
    assert fit_position_embedding(tensors, vit, (4, 4)) == ['pos_embed 4x4 -> 2x8']
    assert fit_position_embedding(tensors, build_vit(img_size=(16, 48)), (2, 8))
    tensors['pos_embed'] = rows(13)
    assert fit_position_embedding(tensors, build_vit(img_size=(16, 48)), None) == []
    assert not any('are taken for' in text for text in log)  # 12 are no square
