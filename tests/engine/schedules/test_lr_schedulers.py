"""Rates start and end where the config says, also with layer decay and another batch."""

import pytest
import torch
from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from mmpretrain.registry import PARAM_SCHEDULERS
from torch import nn

BASE = 4e-3


def wrapper(scale=1.0):
    """Two groups, the second with a layer decay of 0.1; the runner scales both with the batch."""
    groups = [
        dict(params=nn.Linear(1, 1).parameters()),
        dict(params=nn.Linear(1, 1).parameters(), lr=BASE * 0.1),
    ]
    optimizer = torch.optim.SGD(groups, lr=BASE)
    for group in optimizer.param_groups:
        group['lr'] *= scale
    return OptimWrapper(optimizer)


def rates(optimizer, schedulers, steps):
    found = []
    for _ in range(steps):
        found.append([group['lr'] for group in optimizer.param_groups])
        for scheduler in schedulers:
            scheduler.step()
    return found


def build(optimizer, cfg):
    return PARAM_SCHEDULERS.build(
        dict(cfg, convert_to_iter_based=True),
        default_args=dict(optimizer=optimizer, epoch_length=10),
    )


@pytest.mark.parametrize('scale', [1.0, 1 / 128])
def test_first_and_last_rate(scale):
    optimizer = wrapper(scale)
    schedulers = [
        build(optimizer, dict(type='WarmUpLR', start_lr=1e-6, end=2)),
        build(optimizer, dict(type='CosineToLR', end_lr=1e-5, begin=2, end=10)),
    ]
    found = rates(optimizer, schedulers, 101)
    for index, mult in enumerate((1.0, 0.1)):
        rate = [value[index] / (mult * scale) for value in found]
        assert (rate[0], rate[19]) == pytest.approx((1e-6, BASE))
        assert rate[-1] == pytest.approx(1e-5, rel=0.2)  # a step before the end
        assert all(b <= a * (1 + 1e-9) for a, b in zip(rate[19:], rate[20:]))  # never rises


def test_the_way_is_that_of_mmengines_schedulers():
    """To the last bit: only the factor is computed here."""
    one, other = wrapper(), wrapper()
    ours = [
        build(one, dict(type='WarmUpLR', start_lr=1e-6, end=2)),
        build(one, dict(type='CosineToLR', end_lr=1e-5, begin=2, end=10)),
    ]
    theirs = [
        LinearLR(other, start_factor=1e-6 / BASE, end=20, by_epoch=False),
        CosineAnnealingLR(other, eta_min_ratio=1e-5 / BASE, begin=20, end=100, by_epoch=False),
    ]
    assert rates(one, ours, 101) == rates(other, theirs, 101)
