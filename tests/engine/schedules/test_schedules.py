"""Schedules against DINO's formulas, and their ends by hand."""

import numpy as np
import pytest

from mmmask.engine.schedules import (
    ConstantSchedule,
    CosineSchedule,
    LinearSchedule,
    ProgressSchedule,
)


def values(schedule, max_steps, steps_per_epoch=1):
    return np.array([schedule(step, max_steps, steps_per_epoch) for step in range(max_steps)])


def dino_cosine(base, final, epochs, steps_per_epoch, warmup_epochs=0, warmup_start=0.0):
    """DINO's warm-up and cosine: linspace with both ends, 0.5 (1 + cos(pi i / n))."""
    warmup_steps = warmup_epochs * steps_per_epoch
    warmup = np.linspace(warmup_start, base, warmup_steps)
    steps = np.arange(epochs * steps_per_epoch - warmup_steps)
    cosine = final + 0.5 * (base - final) * (1 + np.cos(np.pi * steps / len(steps)))
    return np.concatenate((warmup, cosine))


@pytest.mark.parametrize('warmup, warmup_start', [(0, 0.0), (1, 0.0), (3, 0.0), (2, 0.3)])
@pytest.mark.parametrize('start, end', [(1.0, 1e-6), (0.04, 0.4), (0.996, 1.0)])
def test_cosine(start, end, warmup, warmup_start):
    schedule = CosineSchedule(start, end, warmup, warmup_start)
    expected = dino_cosine(start, end, 10, 7, warmup, warmup_start)
    np.testing.assert_allclose(values(schedule, 70, 7), expected, rtol=1e-12, atol=1e-15)


def test_cosine_by_hand():
    np.testing.assert_allclose(
        values(CosineSchedule(2.0, 0.0, warmup=3), 7),
        # Warm-up 0, 1, 2 with both ends; then 1 + cos of 0, 45, 90 and 135 degrees.
        [0, 1, 2, 2, 1 + np.sqrt(0.5), 1, 1 - np.sqrt(0.5)],
        atol=1e-12,
    )


def test_linear():
    schedule = LinearSchedule(1.0, 3.0)
    np.testing.assert_allclose(values(schedule, 4), [1.0, 1.5, 2.0, 2.5])
    np.testing.assert_allclose(
        values(LinearSchedule(1.0, 3.0, warmup=1, warmup_start=0.5), 6, 2),
        [0.5, 1.0, 1.0, 1.5, 2.0, 2.5],
    )


def test_constant():
    np.testing.assert_array_equal(values(ConstantSchedule(0.07), 3), [0.07] * 3)
    # DINO's teacher temperature: linspace(0.04, 0.07, 30), then 0.07; one step is an epoch.
    expected = np.concatenate((np.linspace(0.04, 0.07, 30), np.full(70, 0.07)))
    schedule = ConstantSchedule(0.07, warmup=30, warmup_start=0.04)
    np.testing.assert_allclose(values(schedule, 100), expected, rtol=1e-12)


@pytest.mark.parametrize('kind', [CosineSchedule, LinearSchedule])
def test_a_warm_up_longer_than_the_run_is_cut_off(kind):
    schedule = kind(1.0, 0.0, warmup=10)
    np.testing.assert_allclose(values(schedule, 6, 2), np.linspace(0, 1, 20)[:6], rtol=1e-12)
    np.testing.assert_allclose(values(schedule, 20, 2), np.linspace(0, 1, 20), rtol=1e-12)


def test_a_warm_up_of_one_step_is_its_start():
    # As np.linspace(0.5, 1, 1).
    schedule = CosineSchedule(1.0, 0.0, warmup=1, warmup_start=0.5)
    np.testing.assert_allclose(values(schedule, 3), [0.5, 1.0, 0.5], atol=1e-12)


def test_a_fraction_of_an_epoch():
    schedule = ConstantSchedule(1.0, warmup=0.5)
    np.testing.assert_allclose(values(schedule, 6, 6), [0, 0.5, 1, 1, 1, 1])


def test_a_negative_warm_up():
    with pytest.raises(ValueError, match='warmup must be 0 epochs or more'):
        CosineSchedule(1.0, 0.0, warmup=-1)


def test_progress_counts_from_one():
    assert values(ProgressSchedule(), 4).tolist() == [0.25, 0.5, 0.75, 1.0]


def test_progress_of_a_run_that_ends_within_an_epoch():
    # Two whole epochs and a part of a third: the hook counts epochs 0, 1 and 2 of 2.
    assert [ProgressSchedule()(epoch, 2) for epoch in range(3)] == [0.5, 1.0, 1.0]
