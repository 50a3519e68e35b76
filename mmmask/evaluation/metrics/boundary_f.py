"""Compare the boundaries of two masks."""

from __future__ import annotations

import math

import cv2
import numpy as np
from skimage.morphology import disk

from .masks import check_masks


def boundary_f(mask: np.ndarray, truth: np.ndarray, tolerance: float = 0.008) -> float:
    """Return the F measure of the boundary of a mask, DAVIS's F.

    A boundary pixel is right if the other mask has a boundary pixel within the tolerance. F is the
    harmonic mean of precision (right pixels of the mask's boundary) and recall (of the truth's).

    Two empty masks give 1, one empty mask gives 0. A mask of the whole image has no boundary
    either. Beside a mask with a boundary it gives 0, as in the official evaluation. That gives 1
    to an empty mask beside the whole image, where this function gives 0.

    Args:
        mask: The prediction, (H, W) bool.
        truth: (H, W) bool.
        tolerance: Pixels if it is 1 or more. Otherwise a share of the image's diagonal, which is
            rounded up to whole pixels.

    Raises:
        ValueError: If an array isn't boolean, the shapes differ, or the tolerance is negative.
    """
    mask, truth = check_masks(mask, truth)
    if tolerance < 0:
        raise ValueError(f'tolerance must be 0 or more, not {tolerance}')
    if mask.any() != truth.any():
        return 0.0
    radius = tolerance if tolerance >= 1 else math.ceil(tolerance * math.hypot(*mask.shape))
    near = disk(radius)  # (2 r + 1, 2 r + 1) uint8
    ours, theirs = _boundary(mask), _boundary(truth)
    if not (ours.any() and theirs.any()):
        return float(ours.any() == theirs.any())
    precision = cv2.dilate(theirs, near)[ours > 0].mean()
    recall = cv2.dilate(ours, near)[theirs > 0].mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Return 1 where a pixel differs from its right, lower or lower right neighbour, uint8.

    This is the official ``seg2bmap``. The last row looks right only, the last column down only, and
    the last corner is 0.
    """
    beyond = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    right, lower, diagonal = beyond[:-1, 1:], beyond[1:, :-1], beyond[1:, 1:]
    return ((mask != right) | (mask != lower) | (mask != diagonal)).astype(np.uint8)
