import math

import pytest

from mmmask.benchmark.results import ArmResult, arms_of, comparisons
from mmmask.benchmark.suite import Metric, Protocol

METRIC = Metric('acc', 'accuracy', scale=100)
PROTOCOL = Protocol('knn', 'test', 'c.py', 'k-NN', metrics=(METRIC,), baseline='scratch')


def records(**arms):
    return [
        dict(group='knn', metric='acc', arm=arm, seed=seed, value=value)
        for arm, values in arms.items()
        for seed, value in values.items()
    ]


def test_mean_and_sample_deviation_by_hand():
    # 40, 46, 49: mean 45, squared deviations 25 + 1 + 16 = 42, 42 / 2 = 21.
    (arm,) = arms_of(records(pre={0: 0.40, 1: 0.46, 2: 0.49}), PROTOCOL, METRIC)
    assert arm.mean == pytest.approx(45) and arm.std == pytest.approx(math.sqrt(21))
    assert ArmResult('a', {0: 3.0}).std is None


def compared(scratch, pre):
    (comparison,) = comparisons(records(scratch=scratch, pre=pre), {'knn': PROTOCOL})
    return comparison


def test_a_clear_difference():
    # 30, 32: deviation sqrt(2); 40, 46: sqrt(18) = 4.243; difference 43 - 31 = 12, 2.8 times.
    result = compared({0: 0.30, 1: 0.32}, {0: 0.40, 1: 0.46})
    assert result.difference == pytest.approx(12) and result.deviation == pytest.approx(
        math.sqrt(18)
    )
    assert result.paired == pytest.approx({0: 10, 1: 14})
    assert result.verdict == (
        '12.0 higher, 2.8 times the spread; 2 of 2 seeds agree. '
        'Two seeds say little about the spread.'
    )


def test_a_difference_within_the_spread_is_called_so():
    result = compared({0: 0.40, 1: 0.30, 2: 0.35}, {0: 0.36, 1: 0.37, 2: 0.35})
    assert result.verdict == 'No clear difference: 1.0 higher, but the spread over seeds is 5.0.'


def test_one_seed_says_nothing_about_the_spread():
    assert compared({0: 0.4}, {0: 0.35}).verdict == (
        '5.0 lower; with one seed each, nothing is known about the spread.'
    )


def test_no_comparison_without_a_baseline():
    assert comparisons(records(pre={0: 0.4}), {'knn': PROTOCOL}) == []
