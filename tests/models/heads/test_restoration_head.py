"""The restoration task: targets, cropping, masks on another grid."""

import pytest
import torch
from torch import nn

from mmmask.models.heads import RestorationHead
from mmmask.models.heads.restoration_head import masked_pixels


class Enlarge(nn.Module):
    """Every token becomes a grey square of 4 x 4 pixels: the loss can be worked out by hand."""

    def forward(self, tokens, grid):
        cells = tokens[..., 0].unflatten(1, grid)
        cells = cells.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
        return cells.unsqueeze(1).expand(-1, 3, -1, -1)


def head(**kwargs):
    return RestorationHead(decoder=dict(type=Enlarge), **kwargs)


TOKENS = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])  # two images of 1 x 2 tokens


def test_the_whole_image_whatever_is_masked():
    mask = torch.tensor([[True, False], [False, False]])
    for m in (None, mask):
        loss = head(weight=0.5).loss(TOKENS, (1, 2), torch.zeros(2, 3, 4, 8), m, (1, 2))
        assert loss.item() == pytest.approx(0.5 * 2.5)


def test_masked_pixels_only():
    mask = torch.tensor([[True, False], [False, False]])
    loss = head(target='masked').loss(TOKENS, (1, 2), torch.zeros(2, 3, 4, 8), mask, (1, 2))
    assert loss.item() == pytest.approx(0.6 * (1 + 0) / 2)  # 0.6 is the default
    assert head().weight == 0.6 and head().target == 'image'


def test_a_mask_on_a_finer_grid():
    mask = torch.zeros(2, 2, 4, dtype=torch.bool)  # cells of 2 x 2 pixels
    mask[0, 0, 1], mask[0, 1, 2], mask[1, 1, 3] = True, True, True
    loss = head(target='masked', weight=1.0).loss(
        TOKENS, (1, 2), torch.zeros(2, 3, 4, 8), mask.flatten(1), (2, 4)
    )
    assert loss.item() == pytest.approx(((1 + 2) / 2 + 4) / 2)


def test_pixels_of_cells():
    mask = torch.tensor([[True, False, False, False, False, True]])
    pixels = masked_pixels(mask, (2, 3), (4, 6))
    expected = torch.zeros(1, 4, 6, dtype=torch.bool)
    expected[0, :2, :2], expected[0, 2:, 4:] = True, True
    assert torch.equal(pixels, expected)


def test_the_padding_of_partial_patches_is_not_restored():
    loss = head(weight=1.0).loss(TOKENS[:1], (1, 2), torch.zeros(1, 3, 3, 6))
    assert loss.item() == pytest.approx((4 * 1 + 2 * 2) / 6)  # of 8 columns the first six


def test_mistakes():
    with pytest.raises(ValueError, match="target must be 'image' or 'masked'"):
        head(target='tokens')
    with pytest.raises(ValueError, match='leave out `restoration`'):
        head(weight=0.0)
    with pytest.raises(ValueError, match=r'restores \(4, 8\) pixels.*set the decoder'):
        head().loss(TOKENS, (1, 2), torch.zeros(2, 3, 8, 16))
    with pytest.raises(ValueError, match='give a masker'):
        head(target='masked').loss(TOKENS, (1, 2), torch.zeros(2, 3, 4, 8))
    with pytest.raises(ValueError, match='whole patches'):
        mask = torch.ones(2, 2, dtype=torch.bool)
        head(target='masked').loss(TOKENS, (1, 2), torch.zeros(2, 3, 4, 7), mask, (1, 2))
