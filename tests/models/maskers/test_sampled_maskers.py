"""Maskers that sample: exact counts, and rates against probabilities worked out by hand."""

import itertools
import math
import random

import numpy as np
import pytest
import torch

from mmmask.models.maskers import (
    BernoulliMasker,
    BlockMasker,
    HighAttentionMasker,
    ImportanceMasker,
    ProportionalMasker,
    SoftToHardMasker,
    ThresholdMasker,
)
from mmmask.models.maskers.base import sampled

DRAWS = 20000


def within(rate, probability, draws=DRAWS):
    """Return True if a rate is within five standard deviations of its probability."""
    deviation = math.sqrt(probability * (1 - probability) / draws)
    return abs(float(rate) - probability) <= 5 * deviation


@pytest.mark.parametrize('grid', [(4, 4), (3, 7), (1, 10), (14, 14)])
@pytest.mark.parametrize('ratio', [0.0, 0.1, 0.3, 0.5, 0.75, 0.9, 1.0])
@pytest.mark.parametrize('ties', [False, True])
def test_exactly_int_r_l_tokens_whatever_the_grid_and_the_scores(grid, ratio, ties):
    torch.manual_seed(0)
    tokens = grid[0] * grid[1]
    scores = torch.ones(3, tokens) if ties else torch.rand(3, tokens)
    maskers = [ImportanceMasker(ratio), ProportionalMasker(ratio)]
    maskers += [
        SoftToHardMasker(ratio, progress=progress, weights=weights)
        for progress in (0.0, 0.37, 1.0)
        for weights in ('shift', 'softmax')
    ]
    maskers += [SoftToHardMasker(ratio, soft=(1, 0), hard=(0, 1), progress=0.5)]
    for masker in maskers:
        mask = masker(grid, 3, scores)
        assert mask.dtype == torch.bool and mask.sum(dim=1).tolist() == [int(ratio * tokens)] * 3
    exact = BlockMasker(ratio, prob=1.0, exact=True)(grid, 3)
    assert exact.sum(dim=1).tolist() == [int(ratio * tokens)] * 3


def test_a_single_draw_is_proportional_to_the_weights():
    torch.manual_seed(0)
    weights = torch.tensor([4.0, 3.0, 2.0, 1.0, 0.0])
    rates = sampled(weights.expand(DRAWS, 5), torch.ones(DRAWS, dtype=torch.long))
    rates = rates.float().mean(dim=0)
    for rate, probability in zip(rates, (0.4, 0.3, 0.2, 0.1)):
        assert within(rate, probability)
    assert rates[4] == 0


def test_two_draws_without_replacement_have_the_rates_of_successive_draws():
    torch.manual_seed(0)
    weights = [0.5, 0.3, 0.2]
    mask = sampled(torch.tensor(weights).expand(DRAWS, 3), torch.full((DRAWS,), 2))
    for token, weight in enumerate(weights):
        later = sum(w * weight / (1 - w) for i, w in enumerate(weights) if i != token)
        assert within(mask[:, token].float().mean(), weight + later)


def test_zero_weights_come_last_and_uniformly():
    torch.manual_seed(0)
    weights = torch.tensor([1e-300, 0.0, 0.0, 0.0], dtype=torch.float64).expand(DRAWS, 4)
    mask = sampled(weights, torch.full((DRAWS,), 2))
    assert mask[:, 0].all()
    assert all(within(mask[:, token].float().mean(), 1 / 3) for token in (1, 2, 3))


def test_sampling_keeps_to_the_tokens_that_it_may_choose():
    among = torch.tensor([[True, False, True, False]] * 50)
    mask = sampled(torch.rand(50, 4), torch.full((50,), 2), among=among)
    assert torch.equal(mask, among)


def test_bernoulli_tokens_are_independent():
    torch.manual_seed(0)
    mask = BernoulliMasker(0.15)((2, 2), DRAWS)
    assert all(within(rate, 0.15) for rate in mask.float().mean(dim=0))
    assert within((mask[:, 0] & mask[:, 3]).float().mean(), 0.15**2)
    assert set(mask.sum(dim=1).tolist()) >= {0, 1, 2}


def test_bernoulli_draws_the_ratio_for_each_image_or_for_all():
    torch.manual_seed(0)
    grid, images = (20, 20), 2000
    image = BernoulliMasker((0.1, 0.5), per='image')(grid, images)
    image = image.float().mean(dim=1)
    # Variance of U(0.1, 0.5), and of 400 tokens at r: E[r (1 - r)] = 0.3 - (0.09 + 0.16 / 12).
    variance = 0.16 / 12 + (0.3 - 0.09 - 0.16 / 12) / 400
    assert image.mean().item() == pytest.approx(0.3, abs=5 * math.sqrt(variance / images))
    # Of n values, the variance is known to about sqrt(2 / n) of itself.
    assert image.var().item() == pytest.approx(variance, rel=5 * math.sqrt(2 / images))
    batch = BernoulliMasker((0.1, 0.5))(grid, images).float().mean(dim=1)
    ratio = batch.mean().item()
    rel = 5 * math.sqrt(2 / images)
    assert 0.1 < ratio < 0.5 and batch.var().item() == pytest.approx(ratio * (1 - ratio) / 400, rel)


def test_bernoulli_ends():
    assert not BernoulliMasker(0.0)((3, 3), 50).any()
    assert BernoulliMasker(1.0)((3, 3), 50).all()


def test_exact_blocks_are_the_blocks_and_few_more():
    for seed in range(20):
        masks = []
        for exact in (False, True):
            torch.manual_seed(seed)
            masks.append(BlockMasker(0.75, prob=1.0, min_num_patches=16, exact=exact)((14, 14), 8))
        blocks, filled = masks
        assert (filled | blocks).equal(filled) and filled.sum(dim=1).tolist() == [147] * 8
        assert (filled & ~blocks).sum() <= 8 * 3


def test_a_rectangle_has_at_least_min_num_patches():
    # Before rounding: each side is less than half a patch longer than the rounded one.
    masker, rng = BlockMasker(min_num_patches=36), random.Random(0)
    for _ in range(100):
        mask = torch.zeros(14, 14, dtype=torch.bool)
        masker._add_block(mask, 60, rng)
        assert (mask.any(dim=1).sum() + 0.5) * (mask.any(dim=0).sum() + 0.5) >= 36


@pytest.mark.parametrize(
    'masker',
    [
        BernoulliMasker(0.5),
        ThresholdMasker(num=2, token_prob=0.5),
        SoftToHardMasker(0.5),
        ImportanceMasker(0.5),
        ProportionalMasker(0.5),
        BlockMasker(0.5, prob=1.0, exact=True),
    ],
)
def test_draws_repeat_with_the_seed_and_only_then(masker):
    scores = torch.rand(8, 64, generator=torch.Generator().manual_seed(0))
    masks = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        masks.append(masker((8, 8), 8, scores if masker.needs_scores else None))
    assert masks[0].equal(masks[1]) and not masks[0].equal(masks[2])


def test_threshold_masks_some_of_the_least_attended():
    # L = 12, num = 4: the three least attended tokens are candidates, with probability 0.3 each.
    torch.manual_seed(0)
    order = torch.tensor([7, 2, 11, 0, 5, 9, 1, 3, 10, 4, 8, 6])
    attention = (order.float() / 66).expand(DRAWS, 12)
    mask = ThresholdMasker(num=4, token_prob=0.3)((3, 4), DRAWS, attention)
    rates = mask.float().mean(dim=0)
    assert all(within(rates[token], 0.3) for token in (3, 6, 1))  # scores 0, 1 and 2
    assert rates[order > 2].sum() == 0
    assert within((mask[:, 3] & mask[:, 6]).float().mean(), 0.09)


def test_threshold_with_num_1_is_the_bernoulli_mask():
    torch.manual_seed(0)
    mask = ThresholdMasker(num=1, token_prob=0.1)((2, 2), DRAWS, torch.rand(DRAWS, 4))
    assert all(within(rate, 0.1) for rate in mask.float().mean(dim=0))


def test_threshold_has_mst_defaults_and_as_many_candidates_where_scores_tie():
    masker = ThresholdMasker()
    assert (masker.num, masker.token_prob, masker.prob) == (8, 0.1, 1.0)
    mask = ThresholdMasker(token_prob=1.0)((4, 4), 2, torch.zeros(2, 16))
    assert mask.sum(dim=1).tolist() == [2, 2]


@pytest.mark.parametrize('num', [1, 2, 3, 8, 49, 200])
@pytest.mark.parametrize('grid', [(7, 7), (3, 5), (1, 9)])
def test_threshold_candidates_are_the_start_of_the_ascending_order(grid, num):
    tokens = grid[0] * grid[1]
    scores = torch.randint(5, (4, tokens), generator=torch.Generator().manual_seed(num)).float()
    mask = ThresholdMasker(num=num, token_prob=1.0)(grid, 4, scores)
    for row, chosen in zip(scores.tolist(), mask):
        ascending = sorted(range(tokens), key=lambda token: (row[token], token))
        expected = sorted(ascending[: tokens // num])
        assert chosen.nonzero().flatten().tolist() == expected


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(num=0), 'num must be'),
        (dict(num=2.5), 'num must be an integer'),
        (dict(token_prob=2), 'token_prob must be'),
    ],
)
def test_wrong_candidates_are_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        ThresholdMasker(**arguments)


def naive_shares(count, soft, hard, progress):
    """Eq. 6 with rounding down: hard, soft and random tokens."""
    num_soft = math.floor((soft[0] + progress * (soft[1] - soft[0])) * count + 1e-9)
    num_hard = math.floor((hard[0] + progress * (hard[1] - hard[0])) * count + 1e-9)
    return num_hard, num_soft, count - num_hard - num_soft


def test_soft_to_hard_masks_the_highest_scores_as_progress_goes_on():
    scores = torch.arange(40.0).flip(0).expand(50, 40)  # token i has rank i
    for progress in (0.0, 0.5, 1.0):
        mask = SoftToHardMasker(0.75, progress=progress)((5, 8), 50, scores)
        num_hard = naive_shares(30, (0.5, 0), (0, 0.5), progress)[0]
        assert num_hard == int(15 * progress)
        assert mask[:, :num_hard].all()
        assert len({tuple(row.tolist()) for row in mask}) > 1


def test_soft_to_hard_has_the_law_of_one_draw_after_another():
    # Every set of three of five tokens: one hard, one soft, one random, by Eq. 6 at t / T = 0.5.
    scores = [0.7, -1.0, 2.0, 0.3, 1.5]
    hard = scores.index(max(scores))
    left = [token for token in range(5) if token != hard]
    weights = {token: scores[token] - min(scores) for token in left}
    law = dict.fromkeys(itertools.combinations(range(5), 3), 0.0)
    for soft in left:
        for uniform in set(left) - {soft}:
            chance = weights[soft] / sum(weights.values()) / 3
            law[tuple(sorted((hard, soft, uniform)))] += chance
    assert sum(law.values()) == pytest.approx(1)
    torch.manual_seed(0)
    masker = SoftToHardMasker(0.6, soft=(0.5, 0.3), hard=(0.2, 0.5), progress=0.5)  # 0.4, 0.35
    mask = masker((1, 5), DRAWS, torch.tensor(scores).expand(DRAWS, 5))
    drawn = [tuple(row.nonzero().flatten().tolist()) for row in mask]
    assert all(within(drawn.count(tokens) / DRAWS, chance) for tokens, chance in law.items())


@pytest.mark.parametrize('weights', ['shift', 'softmax'])
def test_equal_scores_have_equal_chances(weights):
    torch.manual_seed(0)
    masker = SoftToHardMasker(0.5, soft=(1, 1), hard=(0, 0), weights=weights)
    mask = masker((2, 3), DRAWS, torch.full((DRAWS, 6), -3.0))
    assert all(within(rate, 0.5) for rate in mask.float().mean(dim=0))


def test_hard_tokens_come_before_soft_ones_where_the_shares_exceed_1():
    # 8 of 16 tokens, all soft from start to end, half of them hard at the end: 4 are hard then.
    torch.manual_seed(0)
    scores = torch.arange(16.0).expand(200, 16)
    mask = SoftToHardMasker(0.5, soft=(1, 1), hard=(0, 0.5), progress=1.0)((4, 4), 200, scores)
    assert mask.sum(dim=1).tolist() == [8] * 200 and mask[:, 12:].all()
    assert not mask[:, 0].any()  # soft, not random: the lowest score has no weight
    assert mask[:, 1:12].any(dim=0).all()


def test_all_hard_is_the_order_of_the_scores():
    torch.manual_seed(0)
    scores = torch.randn(4, 16)
    mask = SoftToHardMasker(0.5, soft=(0, 0), hard=(1, 1))((4, 4), 4, scores)
    for row, chosen in zip(scores, mask):
        assert set(chosen.nonzero().flatten().tolist()) == set(row.topk(8).indices.tolist())


def test_the_soft_share_is_proportional_to_what_lies_above_the_lowest_score():
    # One token of five, all soft: weights 0, 1, 2, 3, 4 of scores -2, ..., 2.
    torch.manual_seed(0)
    scores = torch.arange(-2.0, 3.0).expand(DRAWS, 5)
    mask = SoftToHardMasker(0.2, soft=(1, 1), hard=(0, 0))((1, 5), DRAWS, scores)
    for rate, weight in zip(mask.float().mean(dim=0), range(5)):
        assert within(rate, weight / 10)


def test_softmax_weights():
    torch.manual_seed(0)
    scores = torch.tensor([0.0, math.log(3.0)]).expand(DRAWS, 2)
    masker = SoftToHardMasker(0.5, soft=(1, 1), hard=(0, 0), weights='softmax')
    assert within(masker((1, 2), DRAWS, scores)[:, 1].float().mean(), 0.75)


def test_soft_hard_and_random_shares_mix():
    # Ten tokens, five masked, progress 0.5 of (0.8 -> 0.4, 0 -> 0.4): soft 3, hard 1, random 1.
    assert naive_shares(5, (0.8, 0.4), (0.0, 0.4), 0.5) == (1, 3, 1)
    torch.manual_seed(0)
    scores = torch.tensor([5.0, 4, 3, 2, 1, 0, 0, 0, 0, 0]).expand(DRAWS, 10)
    masker = SoftToHardMasker(0.5, soft=(0.8, 0.4), hard=(0.0, 0.4), progress=0.5)
    mask = masker((2, 5), DRAWS, scores)
    assert mask[:, 0].all()  # hard
    # The three soft ones are among the four that are left with a weight; then one of six is random.
    positive = mask[:, 1:5].sum(dim=1)
    assert positive.min() == 3 and within((positive == 4).float().mean(), 1 / 6)
    assert all(within(rate, 1 / 6) for rate in mask[:, 5:].float().mean(dim=0))


def test_published_importance_is_the_quotient_of_two_softmaxes():
    scores = torch.rand(6, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.manual_seed(5)
    mask = ImportanceMasker(0.75)((3, 4), 6, scores)
    torch.manual_seed(5)
    torch.rand(6), torch.rand(1, dtype=torch.float64)  # which images, which ratio
    noise = torch.rand(6, 12, dtype=torch.float64).numpy()
    scores = scores.numpy()
    for row in range(6):
        score = np.exp(scores[row]) / np.exp(scores[row]).sum()
        weight = np.exp(noise[row]) / np.exp(noise[row]).sum()
        expected = np.argsort(-score / weight)[:9]
        assert set(mask[row].nonzero().flatten().tolist()) == set(expected.tolist())


def test_proportional_importance_has_the_rates_of_its_scores():
    torch.manual_seed(0)
    scores = torch.tensor([0.1, 0.2, 0.3, 0.4]).expand(DRAWS, 4)
    mask = ProportionalMasker(0.25)((2, 2), DRAWS, scores)
    for rate, probability in zip(mask.float().mean(dim=0), (0.1, 0.2, 0.3, 0.4)):
        assert within(rate, probability)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: SoftToHardMasker(soft=(0.8,)), 'two shares'),
        (lambda: SoftToHardMasker(soft=0.8), 'two shares'),
        (lambda: SoftToHardMasker(progress=1.5), 'progress must be in .0, 1., got 1.5'),
        (lambda: setattr(SoftToHardMasker(), 'progress', -0.1), 'progress must be'),
        (lambda: SoftToHardMasker(hard=(0, 1.5)), 'two shares'),
        (lambda: SoftToHardMasker(weights='square'), 'weights must be'),
        (lambda: BlockMasker(min_num_patches=0), 'min_num_patches'),
        (
            lambda: BlockMasker(min_num_patches=16)((4, 4), 1),
            'at most 9 on a grid of 4 x 4, got 16',
        ),
        (
            lambda: ProportionalMasker()((1, 2), 1, -torch.ones(1, 2)),
            'none below 0',
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize('masker', [SoftToHardMasker(), ImportanceMasker(), HighAttentionMasker()])
def test_nan_scores_are_an_error(masker):
    with pytest.raises(ValueError, match='NaN'):
        masker((2, 2), 1, torch.tensor([[0.0, 1.0, float('nan'), 2.0]]))
