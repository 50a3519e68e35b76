"""Find one object by the largest attended component (CorLoc, as LOST reports it)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def largest_component_box(attended: np.ndarray) -> np.ndarray | None:
    """Return the box around the largest connected component.

    Neighbours share an edge. Of equally large components the first by rows is taken.

    Args:
        attended: (h, w) bool.

    Returns:
        (4,) float64, x1, y1, x2, y2 with exclusive ends, in the array's units; None if nothing is
        attended.
    """
    labels, count = ndimage.label(attended)
    if not count:
        return None
    largest = np.bincount(labels.flat)[1:].argmax()
    rows, columns = ndimage.find_objects(labels)[largest]
    return np.array([columns.start, rows.start, columns.stop, rows.stop], np.float64)


def box_found(box: np.ndarray | None, boxes: np.ndarray, threshold: float = 0.5) -> bool:
    """Return whether a box overlaps one object's by an IoU of at least the threshold.

    CorLoc is the share of images where it does.

    Args:
        box: (4,) as of :func:`largest_component_box`; None is found nowhere.
        boxes: (K, 4), of the objects.
        threshold: Least intersection over union.
    """
    if box is None:
        return False
    corners = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    both = np.clip(corners[1] - corners[0], 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    either = (box[2:] - box[:2]).prod() + areas - both
    return bool((both >= threshold * either).any())
