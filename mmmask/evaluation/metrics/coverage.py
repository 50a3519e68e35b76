"""Measure how a mask meets objects."""

from __future__ import annotations

import numpy as np


def coverage(mask: np.ndarray, objects: np.ndarray) -> dict[str, float]:
    """Measure how a mask meets objects, by area.

    A place counts as much as objects cover of it.

    Args:
        mask: (L,) bool over patches or pixels, True = masked or attended, at least once.
        objects: (L,) in [0, 1], the share of each place that objects cover, not all 0.

    Returns:
        - ``share``: the share of the places in the mask.
        - ``recall``: the share of the objects' area in the mask.
        - ``precision``: the share of the mask's area that is objects'.
        - ``lift``: the factor by which both exceed those of as many random places.
    """
    both = float(objects[mask].sum())
    share, recall = float(mask.mean()), both / float(objects.sum())
    precision = both / float(mask.sum())
    return dict(share=share, recall=recall, precision=precision, lift=recall / share)
