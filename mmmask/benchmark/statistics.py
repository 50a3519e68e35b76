"""Says what paired values show: an interval, a test and a verdict in plain words.

Values are paired by seed (two arms trained with the same seeds) or by test image. How often the
intervals cover the truth, and how often the tests are wrong, is measured in
``tools/simulate_statistics.py``; ``docs/benchmark.md`` has the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mmmask.utils.text import plural

LEVEL = 0.05
"""The share of false alarms that is accepted; intervals cover the truth in the other 95 %."""

RESAMPLES = 9999
"""Draws of the bootstrap and of the permutation test; with fewer sign flips, all are counted."""

MANY = 1000
"""With more pairs, the mean is normally distributed and needs no resampling."""


def mean_interval(values: ArrayLike) -> tuple[float, float]:
    r"""Return the 95 % interval of a mean, by a t-scaled BCa bootstrap.

    BCa (Efron 1987) is too narrow for few values: it covers normal values' mean in 85 % of cases
    with 6 values, in 90 % with 10. The distance of its ends from the mean is stretched here by

    .. math:: t_{n-1}(0.975) / z(0.975) \cdot n / (n - 1).

    The first factor is Student's. The second one takes a value's distance from the mean of the
    *other* values, as the jackknife and HC3 (MacKinnon and White 1985) do.

    Args:
        values: (n,) finite. One value has no interval, (nan, nan); equal ones have (mean, mean).
    """
    values = np.asarray(values, dtype=float)
    n, mean = len(values), float(np.mean(values)) if len(values) else np.nan
    if n < 2:
        return np.nan, np.nan
    scatter = np.ptp(values)
    if scatter <= 1e-12 * np.abs(values).max():
        return mean, mean
    if n > MANY:
        return tuple(map(float, stats.norm.interval(1 - LEVEL, mean, stats.sem(values))))
    ends = stats.bootstrap(
        ((values - mean) / scatter,),
        _rounded_mean,
        n_resamples=RESAMPLES,
        batch=1000,
        confidence_level=1 - LEVEL,
        method='BCa',
        rng=0,
    ).confidence_interval
    stretch = stats.t.ppf(1 - LEVEL / 2, n - 1) / stats.norm.ppf(1 - LEVEL / 2) * n / (n - 1)
    low, high = (float(mean + stretch * scatter * end) for end in ends)
    return low, high


def _rounded_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return means of values of size 1, equal where only the order of summation differs."""
    return np.mean(values, axis=axis).round(12)


def sign_flip_p(values: ArrayLike) -> float:
    """Return the two-sided p of "the signs of these differences are chance".

    All flips of signs are counted for up to 13 differences, else 9,999 random ones. Differences of
    equal size, such as those of right and wrong, have McNemar's exact test: it counts all flips.

    Args:
        values: (n,) finite. Zeros change nothing; without another value p is 1.
    """
    values = np.asarray(values, dtype=float)
    signed = values[values != 0]
    if len(signed) == 0:
        return 1.0
    if np.ptp(np.abs(signed)) <= 1e-12 * np.abs(signed).max():
        return float(stats.binomtest(int((signed > 0).sum()), len(signed)).pvalue)
    if len(values) > MANY:
        return float(stats.ttest_1samp(values, 0).pvalue)
    test = stats.permutation_test(
        (signed,), np.mean, permutation_type='samples', n_resamples=RESAMPLES, batch=1000, rng=0
    )
    return float(test.pvalue)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Return the p values corrected for their number, (m,), by Holm's method (1979).

    The smallest p is multiplied by m, the next one by m - 1, and so on; none gets below a smaller
    one's, or above 1. NaN is no test: it stays, and doesn't count.

    Args:
        p_values: (m,).
    """
    p_values = np.asarray(p_values, dtype=float)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind='stable')]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    corrected = np.full(len(p_values), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def paired_difference(a: ArrayLike, b: ArrayLike, unit: str = 'seed') -> dict:
    """Compare two arms, value by value: the mean of a - b, its 95 % interval, p and a verdict.

    The arms differ clearly if p is at most 0.05 and the interval leaves 0 out. Fewer than six pairs
    never have such a p. The verdict then is "5 seeds cannot show it".

    Args:
        a: (n,) values of an arm.
        b: (n,) values of the arm that it is compared with, in the order of a.
        unit: What a pair shares, for the verdict: ``'seed'``, ``'image'``, ``'query'``, ...

    Returns:
        ``mean``, ``low``, ``high``, ``p``, ``n``, ``verdict`` and ``unit``. All numbers are NaN if
        a value isn't finite, as a diverged run's. Without a pair they are NaN, too, and n is 0.

    Raises:
        ValueError: If a and b aren't one-dimensional or differ in length.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f'a and b must be (n,) each, paired by {unit}: {a.shape} and {b.shape}')
    differences = a - b
    differences[np.abs(differences) < 1e-12 * np.abs(a)] = 0  # rounding only
    found = dict(mean=np.nan, low=np.nan, high=np.nan, p=np.nan, n=len(a), unit=unit)
    if lost := int((~np.isfinite(differences)).sum()):
        verdict = f'cannot be compared: {lost} of {_counted(len(a), unit)} not finite'
        return dict(found, verdict=verdict)
    if len(a) == 0:
        return dict(found, verdict=f'cannot be compared: no {unit} is in both arms')
    low, high = mean_interval(differences)
    found.update(mean=float(differences.mean()), low=low, high=high, p=sign_flip_p(differences))
    return dict(found, verdict=_verdict(found, found['p'], 1))


def correct_table(differences: Sequence[dict]) -> list[dict]:
    """Return the differences of one table with ``p_holm``, and the verdicts that follow from it.

    Args:
        differences: Of :func:`paired_difference`, one for each arm of the table.
    """
    corrected = holm([found['p'] for found in differences])
    family = int(np.isfinite(corrected).sum())
    return [
        dict(
            found,
            p_holm=float(p),
            verdict=found['verdict'] if np.isnan(p) else _verdict(found, p, family),
        )
        for found, p in zip(differences, corrected)
    ]


def is_clear(found: dict) -> bool:
    """Return whether two arms differ clearly; ``p_holm`` decides where there is one."""
    return found.get('p_holm', found['p']) <= LEVEL and not found['low'] <= 0 <= found['high']


def _verdict(found: dict, p: float, family: int) -> str:
    """Say what a difference shows, by a p that is corrected for a family of comparisons."""
    mean, low, high, n = (found[key] for key in ('mean', 'low', 'high', 'n'))
    if is_clear(dict(found, p_holm=p)):
        return f'clearly {"higher" if mean > 0 else "lower"}'
    fewest = 1 + math.ceil(math.log2(family / LEVEL))  # pairs whose smallest p, 2^(1 - n), passes
    if n < fewest:
        among = f' among {family} comparisons, {fewest} could' if family > 1 else ''
        return f'{_counted(n, found["unit"])} cannot show it{among}'
    return 'no clear difference' if low < high or mean else 'no difference'


def _counted(number: int, unit: str) -> str:
    return f'{number} {unit if number == 1 else plural(unit)}'
