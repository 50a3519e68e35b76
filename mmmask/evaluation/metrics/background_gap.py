"""Measure how much a classifier depends on backgrounds (ImageNet-9, Xiao et al. 2021)."""

from __future__ import annotations

import numpy as np
from torch import Tensor


def background_gap(
    mixed_same: float | Tensor | np.ndarray, mixed_rand: float | Tensor | np.ndarray
) -> float:
    """Return the points of accuracy that a background of a random class costs: the BG-gap.

    Args:
        mixed_same: On foregrounds before a background of their own class. The accuracy in per
            cent, or of each image whether it was right, (N,) bool.
        mixed_rand: The same before a background of a random class.
    """
    return _percent(mixed_same) - _percent(mixed_rand)


def _percent(accuracy: float | Tensor | np.ndarray) -> float:
    values = np.asarray(accuracy)
    return float(values.mean() * 100 if values.dtype == bool else values)
