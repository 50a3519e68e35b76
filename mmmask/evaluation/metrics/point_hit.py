"""Play the pointing game with attention (Zhang et al. 2018)."""

from __future__ import annotations

import numpy as np


def point_hit(attention: np.ndarray, objects: np.ndarray, tolerance: float = 15) -> bool:
    """Return whether the patch with the highest attention points at an object.

    The point is the centre of the patch, of equal ones the first. It hits if an object's pixel is
    within the tolerance.

    Args:
        attention: (h, w).
        objects: (H, W) bool, the pixels of all objects.
        tolerance: Pixels between the point and the object; the pointing game has 15, and 0 asks for
            an object's pixel at the point itself.
    """
    place = np.unravel_index(np.argmax(attention), attention.shape)
    point = [
        int((at + 0.5) * length / parts)
        for at, length, parts in zip(place, objects.shape, attention.shape)
    ]
    pixels = np.argwhere(objects)
    distances = ((pixels - point) ** 2).sum(axis=1)
    return bool((distances <= tolerance**2).any())
