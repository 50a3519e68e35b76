"""Check the masks that a metric compares."""

from __future__ import annotations

import numpy as np


def check_masks(mask: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two masks, numpy or torch on the CPU, as arrays (H, W) bool.

    Raises:
        ValueError: If an array isn't boolean, or the shapes differ.
    """
    mask, truth = np.asarray(mask), np.asarray(truth)
    if mask.dtype != bool or truth.dtype != bool or mask.ndim != 2 or mask.shape != truth.shape:
        raise ValueError(
            'masks must be boolean (H, W) of one shape, not '
            f'{mask.dtype} {mask.shape} and {truth.dtype} {truth.shape}'
        )
    return mask, truth
