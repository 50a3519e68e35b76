"""Compare the areas of two masks."""

from __future__ import annotations

import numpy as np

from .masks import check_masks


def region_jaccard(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return the area that two masks share, divided by the area that they cover together.

    It is DAVIS's J. Two empty masks give 1, one empty mask gives 0.

    Args:
        mask: The prediction, (H, W) bool.
        truth: (H, W) bool.

    Raises:
        ValueError: If an array isn't boolean, or the shapes differ.
    """
    mask, truth = check_masks(mask, truth)
    union = int((mask | truth).sum())
    return int((mask & truth).sum()) / union if union else 1.0
