import math

import numpy as np
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
    (comparison,) = comparisons(records(scratch=scratch, pre=pre), {'knn': PROTOCOL}, {})
    return comparison


def test_six_seeds_show_a_difference():
    # Gains of 10, 11, ..., 15, all of one sign: p = 2 / 2^6. No images are known.
    scratch = dict.fromkeys(range(6), 0.3)
    result = compared(scratch, {seed: 0.4 + seed / 100 for seed in range(6)})
    assert result.paired == pytest.approx({seed: 10 + seed for seed in range(6)})
    assert result.seeds['mean'] == pytest.approx(12.5) and result.seeds['p_holm'] == 2 / 64
    assert result.seeds['verdict'] == 'clearly higher' and result.images is None
    assert [row['over'] for row in result.rows] == ['seeds']


def test_seeds_of_one_arm_are_left_out_and_named():
    result = compared({0: 0.40, 1: 0.30, 4: 0.9}, {3: 0.1, 1: 0.36, 0: 0.37})
    assert result.seeds['mean'] == pytest.approx((-3 + 6) / 2) and result.seeds['n'] == 2
    assert result.seeds['verdict'] == '2 seeds cannot show it'
    assert result.rows[0]['over'] == 'seeds (without seed 3, 4, which one arm lacks)'
    assert compared({0: 0.4}, {1: 0.4}).seeds['verdict'] == (
        'cannot be compared: no seed is in both arms'
    )


def test_a_diverged_run_is_said():
    result = compared({0: 0.4, 1: 0.3}, {0: 0.4, 1: math.nan})
    assert result.seeds['verdict'] == 'cannot be compared: 1 of 2 seeds not finite'
    assert math.isnan(result.other.mean) and math.isnan(result.other.std)


def test_p_is_corrected_for_the_arms_of_a_table():
    arms = {
        name: {seed: (seed + 1) * gain for seed in range(7)}
        for name, gain in (('scratch', 0.0), ('up', 0.01), ('down', -0.01))
    }
    up, down = comparisons(records(**arms), {'knn': PROTOCOL}, {})
    assert up.seeds['p'] == 2 / 128 and up.seeds['p_holm'] == down.seeds['p_holm'] == 4 / 128
    assert (up.seeds['verdict'], down.seeds['verdict']) == ('clearly higher', 'clearly lower')


def with_images(scratch, pre):
    """Make records of two arms, seed -> right and wrong of each image."""
    arms = dict(scratch=scratch, pre=pre)
    found = records(**{arm: {s: np.mean(o) for s, o in of.items()} for arm, of in arms.items()})
    for record in found:
        record['outcomes'] = np.array(arms[record['arm']][record['seed']], dtype=np.float32)
    return found


def test_spread_over_images_by_hand():
    # Means over seeds: 1, 0.5, 0, 0.5: variance (0.25 + 0.25) / 3, standard error sqrt(1 / 6 / 4).
    found = with_images({0: [1, 1, 0, 0], 1: [1, 0, 0, 1]}, {0: [1, 1, 1, 1], 1: [1, 1, 1]})
    scratch, pre = arms_of(found, PROTOCOL, METRIC)
    assert scratch.image_std == pytest.approx(100 * math.sqrt(1 / 24))
    assert pre.image_std is None  # of other numbers of images
    assert comparisons(found, {'knn': PROTOCOL}, {})[0].images is None


def test_images_and_seeds_are_told_apart():
    # Each seed has the same 8 of 20 images right in one arm only: McNemar's p is 2 / 2^8. Seeds
    # agree exactly, but there are two of them.
    found = with_images({s: [0] * 20 for s in (0, 1)}, {s: [1] * 8 + [0] * 12 for s in (0, 1)})
    (result,) = comparisons(found, {'knn': PROTOCOL}, {})
    seeds, images = result.rows
    assert (seeds['over'], seeds['n'], seeds['verdict']) == ('seeds', 2, '2 seeds cannot show it')
    assert (images['over'], images['n'], images['verdict']) == ('test images', 20, 'clearly higher')
    assert images['mean'] == pytest.approx(40) and images['p_holm'] == 2 / 2**8
    # The standard error is 100 sqrt(0.4 x 0.6 / 19) = 11.2.
    assert images['low'] == pytest.approx(40 - 22, abs=5) and images['high'] < 70


def test_outcomes_of_queries_are_called_so():
    found = with_images({0: [0] * 5}, {0: [1] * 5})
    queries = [dict(one, unit='query') for one in found]
    (images,) = comparisons(queries, {'knn': PROTOCOL}, {})[0].rows[1:]
    assert (images['over'], images['verdict']) == ('test queries', '5 queries cannot show it')


def test_no_comparison_without_a_baseline():
    assert comparisons(records(pre={0: 0.4}), {'knn': PROTOCOL}, {}) == []


def test_arms_are_called_by_their_titles():
    found = records(scratch={0: 0.3}, pre={0: 0.4})
    (one,) = comparisons(found, {'knn': PROTOCOL}, dict(pre='MAE'))
    assert (one.baseline.arm, one.other.arm) == ('scratch', 'MAE')
