"""Means over images."""

from __future__ import annotations

import math

import numpy as np


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis and its standard error (NaN for a single image).

    Args:
        values: (N, ...), N at least 1.

    Returns:
        Two (...) arrays.
    """
    values = np.asarray(values, np.float64)
    mean = values.mean(axis=0)
    if len(values) == 1:
        return mean, np.full_like(mean, math.nan)
    return mean, values.std(axis=0, ddof=1) / math.sqrt(len(values))
