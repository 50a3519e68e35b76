"""Exact counts, orders and rates of the maskers."""

import random

import pytest
import torch

from mmmask.models.maskers import (
    BlockMasker,
    HighAttentionMasker,
    HintAttentionMasker,
    LowAttentionMasker,
    RandomMasker,
)

GRID, TOKENS = (3, 4), 12


def scores(batch_size=2):
    """Rows are permutations of 1..12 over 78, as attention would be."""
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randperm(TOKENS, generator=generator) + 1.0 for _ in range(batch_size)]
    return torch.stack(rows) / 78


@pytest.mark.parametrize('ratio', [0.0, 0.1, 0.5, 0.75, 1.0])
@pytest.mark.parametrize('masker', [RandomMasker, HighAttentionMasker, LowAttentionMasker])
def test_exactly_int_r_l_tokens_are_masked(masker, ratio):
    mask = masker(ratio, prob=1.0)(GRID, 5, scores(5))
    assert mask.shape == (5, TOKENS) and mask.dtype == torch.bool
    assert mask.sum(dim=1).tolist() == [int(ratio * TOKENS)] * 5


def test_high_and_low_take_the_ends_of_the_order():
    attention = scores()
    high = HighAttentionMasker(0.25, prob=1.0)(GRID, 2, attention)
    low = LowAttentionMasker(0.25, prob=1.0)(GRID, 2, attention)
    for row in range(2):
        ranked = (attention[row] * 78).round().int()
        assert sorted(ranked[high[row]].tolist()) == [10, 11, 12]
        assert sorted(ranked[low[row]].tolist()) == [1, 2, 3]


def test_ties_keep_the_count():
    mask = HighAttentionMasker(0.5, prob=1.0)(GRID, 3, torch.ones(3, TOKENS))
    assert mask.sum(dim=1).tolist() == [6, 6, 6]


def test_hint_reveals_some_of_the_most_attended():
    # L = 100: k = 40, s = 0.2 * 0.4 = 0.08: 8 of the 20 most attended are shown.
    attention = torch.arange(100.0).expand(4, 100)
    mask = HintAttentionMasker(0.4, prob=1.0, show_max=0.2)((10, 10), 4, attention)
    assert mask[:, :60].sum() == 0
    assert mask[:, 60:80].all()
    assert mask[:, 80:].sum(dim=1).tolist() == [12] * 4
    assert len({tuple(row.tolist()) for row in mask}) > 1  # the shown ones are drawn per image


def test_hint_with_a_show_count_of_zero_is_high():
    attention = scores()
    hint = HintAttentionMasker(0.5, prob=1.0)(GRID, 2, attention)
    assert torch.equal(hint, HighAttentionMasker(0.5, prob=1.0)(GRID, 2, attention))


def test_one_ratio_per_batch_or_per_image():
    torch.manual_seed(0)
    attention = torch.rand(64, 100)
    batch = HighAttentionMasker((0.1, 0.5), prob=1.0)((10, 10), 64, attention).sum(dim=1)
    image = HighAttentionMasker((0.1, 0.5), per='image', prob=1.0)((10, 10), 64, attention)
    image = image.sum(dim=1)
    assert len(set(batch.tolist())) == 1 and 10 <= batch[0] <= 50
    assert len(set(image.tolist())) > 10 and image.min() >= 10 and image.max() <= 50


def test_images_are_masked_with_the_given_probability():
    torch.manual_seed(0)
    masked = HighAttentionMasker(0.5, prob=0.5)((2, 2), 4000, torch.rand(4000, 4)).any(dim=1)
    # Standard deviation sqrt(0.25 / 4000) = 0.008; four of them.
    assert masked.float().mean().item() == pytest.approx(0.5, abs=0.032)


def test_random_masks_are_uniform():
    torch.manual_seed(0)
    rate = RandomMasker(0.25)(GRID, 4000).float().mean(dim=0)
    assert (rate - 0.25).abs().max() < 4 * (0.25 * 0.75 / 4000) ** 0.5


def test_blocks_never_overshoot_and_mostly_reach_the_target():
    torch.manual_seed(0)
    counts = BlockMasker(0.4, prob=1.0)((14, 14), 200).sum(dim=1)
    assert counts.max() <= int(0.4 * 196)
    assert counts.float().mean() > 0.85 * int(0.4 * 196)


def test_a_block_is_a_rectangle():
    masker, rng = BlockMasker(), random.Random(0)
    for _ in range(50):
        mask = torch.zeros(14, 14, dtype=torch.bool)
        added = masker._add_block(mask, 60, rng)
        rows, columns = int(mask.any(dim=1).sum()), int(mask.any(dim=0).sum())
        assert added == mask.sum() == rows * columns <= 60


def test_masks_repeat_with_the_seed():
    for masker in (RandomMasker(), BlockMasker()):
        torch.manual_seed(3)
        first = masker(GRID, 8)
        torch.manual_seed(3)
        assert torch.equal(first, masker(GRID, 8))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(ratio=1.5), 'ratio'),
        (dict(ratio=(0.5, 0.1)), 'ratio'),
        (dict(prob=-0.1), 'prob'),
        (dict(per='view'), 'per'),
        (dict(show_max=2), 'show_max'),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        HintAttentionMasker(**arguments)


def test_wrong_scores_are_named():
    masker = HighAttentionMasker()
    with pytest.raises(ValueError, match='needs scores'):
        masker(GRID, 2)
    with pytest.raises(ValueError, match='shape'):
        masker(GRID, 2, torch.zeros(2, 5))
    with pytest.raises(ValueError, match='NaN'):
        masker(GRID, 2, torch.full((2, TOKENS), float('nan')))
