"""Measure top-1 accuracy over some classes, coarser classes, or several right labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor


def best_class(scores: Tensor, classes: Collection[int] | None = None) -> Tensor:
    """Return the class with the highest score, the lowest of equal ones.

    Args:
        scores: (..., C).
        classes: Only these compete; None: all.

    Returns:
        (...) int64. A row with a score that isn't finite gives -1, which is never right.
    """
    finite = scores.isfinite().all(dim=-1)
    if classes is not None:
        chosen = torch.tensor(sorted(classes), device=scores.device)
        best = chosen[scores[..., chosen].argmax(dim=-1)]
    else:
        best = scores.argmax(dim=-1)
    return torch.where(finite, best, -1)


def top1(
    predictions: Sequence[int] | Tensor | np.ndarray,
    labels: Sequence[int | Collection[int]],
    class_map: Sequence[int] | None = None,
) -> float:
    """Return the share of images whose predicted class is right, in per cent.

    Args:
        predictions: See :func:`right_images`.
        labels: See :func:`right_images`.
        class_map: See :func:`right_images`.

    Returns:
        The accuracy; NaN where no image has a label.
    """
    right = right_images(predictions, labels, class_map)
    return 100 * float(np.mean(right)) if len(right) else float('nan')


def right_images(
    predictions: Sequence[int] | Tensor | np.ndarray,
    labels: Sequence[int | Collection[int]],
    class_map: Sequence[int] | None = None,
) -> np.ndarray:
    """Return whether the predicted class is right, for each image that has a label, (N',) bool.

    Args:
        predictions: (N,) classes; -1 is wrong.
        labels: The right class of each image, or all its right classes (ReaL). An image without
            any is left out.
        class_map: (C,) The coarse class of each predicted one, or -1, which is wrong (ImageNet-9).

    Raises:
        ValueError: If there aren't as many predictions as labels.
    """
    right = []
    for predicted, label in zip(np.asarray(predictions).tolist(), labels, strict=True):
        wanted = set(label) if isinstance(label, Collection) else {label}
        if predicted >= 0 and class_map is not None:
            predicted = class_map[predicted]
        if wanted:
            right.append(predicted >= 0 and predicted in wanted)
    return np.array(right, dtype=bool)
