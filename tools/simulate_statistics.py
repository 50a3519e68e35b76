"""Measure how often intervals cover the truth and how often "clearly" is said of no difference.

Pairs are drawn from distributions whose mean difference is 0. The numbers are those of
docs/benchmark.md.

    python tools/simulate_statistics.py                       # 4 minutes
    python tools/simulate_statistics.py --repetitions 10000   # Monte Carlo error 0.2
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mmmask.benchmark.statistics import paired_difference

Draw = Callable[[np.random.Generator, int], np.ndarray]

DIFFERENCES: dict[str, Draw] = {
    'normal': lambda rng, n: rng.normal(size=n),
    'uniform': lambda rng, n: rng.uniform(-1, 1, size=n),
    "Student's t, 5 degrees": lambda rng, n: rng.standard_t(5, size=n),
    'Laplace': lambda rng, n: rng.laplace(size=n),
    'gamma (4), skewness 1': lambda rng, n: rng.gamma(4, size=n) - 4,
    'Gumbel, skewness 1.1': lambda rng, n: rng.gumbel(size=n) - np.euler_gamma,
    'log-normal (0.5), skewness 1.8': lambda rng, n: rng.lognormal(0, 0.5, n) - np.exp(1 / 8),
    'exponential, skewness 2': lambda rng, n: rng.exponential(size=n) - 1,
    'two equal arms, exponential': lambda rng, n: rng.exponential(size=(2, n)).T @ (1, -1),
}
"""How differences of mean 0 are drawn."""


def simulate(draw: Draw, n: int, repetitions: int, seed: int = 0) -> tuple[float, float]:
    """Return the shares, in per cent, of intervals that cover 0 and of verdicts "clearly"."""
    rng = np.random.default_rng(seed)
    found = [paired_difference(draw(rng, n), np.zeros(n)) for _ in range(repetitions)]
    covering = np.mean([one['low'] <= 0 <= one['high'] for one in found])
    return 100 * covering, 100 * np.mean([one['verdict'].startswith('clearly') for one in found])


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--repetitions', type=int, default=2000)
    parser.add_argument('--pairs', type=int, nargs='+', default=[3, 6, 10])
    args = parser.parse_args()
    heads = [f'{what}, n = {n}' for what in ('covered', 'alarms') for n in args.pairs]
    print(f'| differences | {" | ".join(heads)} |\n|{" --- |" * (len(heads) + 1)}')
    for name, draw in DIFFERENCES.items():
        shares = zip(*(simulate(draw, n, args.repetitions) for n in args.pairs))
        cells = [f'{share:.1f}' for row in shares for share in row]
        print(f'| {name} | {" | ".join(cells)} |', flush=True)


if __name__ == '__main__':
    main()
