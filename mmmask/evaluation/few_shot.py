"""Draw a few labelled images of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from mmmask.utils.errors import UserError


def draw_few(labels: Sequence[int] | Tensor, shots: int, seed: int, draw: int) -> Tensor:
    """Return the rows of ``shots`` images of each class, rising, (shots * classes,) int64.

    Each (seed, draw) has one random order of the images. A class' first images in that order are
    drawn, so a draw of 5 images holds that of 1.

    Args:
        labels: (N,) classes.
        shots: Images of each class that ``labels`` has.
        seed: Seed of all draws.
        draw: Number of the draw, from 0.

    Raises:
        UserError: If a class has fewer images.
    """
    labels = np.asarray(labels)
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min(initial=shots) < shots:
        few = counts.argmin()
        raise UserError(
            f'class {classes[few]} has {counts[few]} images, fewer than {shots} shots: choose '
            'fewer shots'
        )
    order = np.random.default_rng((seed, draw)).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind='stable')]
    starts = np.cumsum(counts) - counts
    rows = by_class[(starts[:, None] + np.arange(shots)).ravel()]
    return torch.from_numpy(np.sort(rows))


def mean_and_spread(draws: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return each metric's mean over draws, and as ``..._std`` its sample standard deviation.

    Args:
        draws: The metrics of each draw, at least one; of one draw there is no deviation.
    """
    result = {}
    for name in draws[0]:
        values = np.array([metrics[name] for metrics in draws])
        result[name] = float(values.mean())
        if len(draws) > 1:
            result[f'{name}_std'] = float(values.std(ddof=1))
    return result


def mean_outcomes(draws: Sequence[dict[str, ArrayLike]]) -> dict[str, np.ndarray]:
    """Return each test image's mean over draws, (N,), by the metrics' names.

    Args:
        draws: The outcomes (N,) of each draw, at least one.
    """
    return {name: np.mean([of_draw[name] for of_draw in draws], axis=0) for name in draws[0]}
