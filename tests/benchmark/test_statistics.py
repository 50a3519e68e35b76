"""Statistics, against numbers worked by hand, naive loops and simulated truths."""

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mmmask.benchmark.statistics import (
    correct_table,
    holm,
    mean_interval,
    paired_difference,
    sign_flip_p,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))
from simulate_statistics import DIFFERENCES, simulate


def test_six_differences_of_one_sign_by_hand():
    # Of 2^6 flips of signs, two have a mean as far from 0: none and all flipped. 2 / 64.
    found = paired_difference([5, 6, 7, 8, 9, 10], [4, 4, 4, 4, 4, 4])
    assert found['mean'] == 3.5 and found['n'] == 6 and found['p'] == 2 / 64
    assert 0 < found['low'] < 3.5 < found['high'] and found['verdict'] == 'clearly higher'
    swapped = paired_difference([4, 4, 4, 4, 4, 4], [5, 6, 7, 8, 9, 10])
    assert swapped['mean'] == -3.5 and swapped['verdict'] == 'clearly lower'


@pytest.mark.parametrize('n', [2, 5, 8])
def test_p_counts_all_flips_of_signs(n):
    values = np.random.default_rng(n).normal(0.5, size=n)
    flips = np.array(list(itertools.product((-1, 1), repeat=n)))
    far = np.abs((flips * values).mean(axis=1)) >= abs(values.mean()) - 1e-12
    assert sign_flip_p(values) == pytest.approx(far.mean(), abs=1e-12)
    assert sign_flip_p([0, *values, 0]) == sign_flip_p(values)


def test_p_of_many_pairs_is_near_students():
    values = np.random.default_rng(0).normal(0.5, size=20)
    assert sign_flip_p(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)
    values = np.random.default_rng(0).normal(0.05, size=2000)
    assert sign_flip_p(values) == stats.ttest_1samp(values, 0).pvalue


def test_right_and_wrong_have_mcnemars_exact_p():
    # 7 images are right in a only, 1 in b only: 2 (1 + 8) / 2^8.
    a = [True] * 7 + [False] + [True] * 20
    b = [False] * 7 + [True] + [True] * 20
    found = paired_difference(a, b, unit='image')
    assert found['mean'] == pytest.approx(6 / 28) and found['p'] == pytest.approx(18 / 256)
    assert found['verdict'] == 'no clear difference'


def test_verdicts_name_the_unit():
    five = paired_difference([1, 2, 3, 4, 5], np.zeros(5), unit='query')
    assert five['verdict'] == '5 queries cannot show it'
    one = paired_difference([1], [0], unit='query')
    assert correct_table([one, five])[0]['verdict'].startswith('1 query cannot show it among 2')


def test_two_values_have_an_interval_by_hand():
    # Resampled means are 0, 1 and 2, so BCa gives (0, 2). Stretch: 12.706 / 1.960 x 2 / 1.
    reach = 2 * math.tan(0.475 * math.pi) / stats.norm.ppf(0.975)
    assert mean_interval([0, 2]) == pytest.approx((1 - reach, 1 + reach))


def test_an_interval_follows_the_skew_and_students_width():
    low, high = mean_interval([0, 0, 0, 0, 1, 9])
    mean = 10 / 6
    assert high - mean > 1.5 * (mean - low)
    values = np.linspace(-1, 1, 40)
    assert mean_interval(values)[1] == pytest.approx(
        stats.t.ppf(0.975, 39) * stats.sem(values), rel=0.05
    )
    many = np.random.default_rng(0).normal(size=5000)
    assert mean_interval(many)[1] - many.mean() == pytest.approx(1.96 / 5000**0.5, rel=0.03)


def test_statistics_follow_the_unit_and_the_sign():
    a, b = np.random.default_rng(1).normal(size=(2, 7))
    one, hundred = paired_difference(a, b), paired_difference(100 * a, 100 * b)
    for key in ('mean', 'low', 'high'):
        assert hundred[key] == pytest.approx(100 * one[key])
    assert hundred['p'] == one['p'] and paired_difference(a, b) == one  # no chance in it


@pytest.mark.parametrize('n', [1, 2, 3, 5])
def test_few_seeds_cannot_show_it_but_have_an_interval(n):
    found = paired_difference(np.arange(10, 10 + n), np.zeros(n))
    assert found['verdict'] == f'{n} seed{"s" * (n > 1)} cannot show it'
    assert found['mean'] == 10 + (n - 1) / 2 and found['p'] == 2 ** (1 - n)
    assert math.isnan(found['low']) if n == 1 else found['low'] < found['mean'] < found['high']


def test_equal_differences():
    same = paired_difference([0.4] * 6, [0.1] * 6)
    assert same['low'] == same['high'] == same['mean'] == pytest.approx(0.3)
    assert same['p'] == 2 / 64 and same['verdict'] == 'clearly higher'
    none = paired_difference([0.1 + 0.2] * 6, [0.3] * 6)  # 6e-17 apart
    assert (none['mean'], none['low'], none['p']) == (0, 0, 1)
    assert none['verdict'] == 'no difference'


def test_what_cannot_be_compared_is_said():
    found = paired_difference([1, math.nan, 3, math.inf], [1, 2, 3, 4])
    assert found['verdict'] == 'cannot be compared: 2 of 4 seeds not finite' and found['n'] == 4
    assert all(math.isnan(found[key]) for key in ('mean', 'low', 'high', 'p'))
    assert paired_difference([], [])['verdict'] == 'cannot be compared: no seed is in both arms'
    with pytest.raises(ValueError, match='paired by seed'):
        paired_difference([1, 2], [1])


def test_holm_by_hand():
    # Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1; the last one not below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1]) and len(holm([])) == 0
    assert holm([0.5, math.nan, 0.01]) == pytest.approx([0.5, math.nan, 0.02], nan_ok=True)


def test_a_table_needs_more_pairs():
    six = paired_difference([1, 2, 3, 4, 5, 6], np.zeros(6))
    seven = paired_difference([1, 2, 3, 4, 5, 6, 7], np.zeros(7))
    first, second = correct_table([six, six])
    assert first['p_holm'] == 2 * 2 / 64 and first == second and first['p'] == 2 / 64
    assert first['verdict'] == '6 seeds cannot show it among 2 comparisons, 7 could'
    # With 7 pairs p is 2 / 128. Twice that is below 0.05, and the other one keeps its 2 / 64.
    assert [one['verdict'] for one in correct_table([six, seven])] == ['clearly higher'] * 2
    lost = paired_difference([math.nan], [0])
    assert correct_table([lost, six])[1]['verdict'] == 'clearly higher'


@pytest.mark.parametrize('n', [6, 10])
@pytest.mark.parametrize('name', ['normal', 'gamma (4), skewness 1'])
def test_simulated_coverage_and_false_alarms(name, n):
    # 300 repetitions: three standard errors of 95 % are 3.8. BCa alone covers 85 % and 90 %.
    covered, alarms = simulate(DIFFERENCES[name], n, repetitions=300)
    assert covered >= 91.2 and alarms <= 5 + 3.8


def test_three_seeds_never_show_a_difference():
    covered, alarms = simulate(DIFFERENCES['normal'], 3, repetitions=200)
    assert alarms == 0 and covered >= 90
