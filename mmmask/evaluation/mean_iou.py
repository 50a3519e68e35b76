"""Compare label maps at a chosen size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmmask.utils.errors import UserError

from .metrics import ratio_outcomes

IGNORED = 255
"""Label of pixels that no class has, as in mmseg."""


def compared_size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Return (height, width) of the maps that are compared; None: each image's own size.

    Raises:
        UserError: If it is neither None, a positive number, nor two of them.
    """
    if size is None:
        return None
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or not all(isinstance(side, int) and side > 0 for side in pair):
        raise UserError(f'size must be None, pixels, or (height, width), not {size!r}')
    return pair


def at_size(
    scores: Tensor, truth: Tensor, size: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """Return the predicted and the true label map at one size, both (h, w) int64.

    Args:
        scores: Of each class, (K, H', W'); upsampled bilinearly, then the largest wins.
        truth: Label map, (H, W); of each pixel the nearest one is taken.
        size: (h, w); None: that of the truth.
    """
    if size is not None:
        truth = F.interpolate(truth[None, None].float(), size, mode='nearest')[0, 0]
    size = tuple(truth.shape)
    scores = F.interpolate(scores[None].float(), size, mode='bilinear', align_corners=False)[0]
    return scores.argmax(dim=0), truth.long()


def class_areas(found: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Return three areas of each class in pixels: right, predicted and true ones, (3, K) float32.

    Pixels that the truth ignores don't count. Areas are exact up to 16.7 million pixels.
    """
    known = truth != IGNORED
    found, truth = found[known], truth[known]
    parts = (found[found == truth], found, truth)
    return torch.stack([torch.bincount(part, minlength=num_classes) for part in parts]).float()


def iou_outcomes(areas: Tensor) -> dict[str, np.ndarray]:
    """Return what each image contributes to ``miou`` and ``pixel_accuracy``, (N,), in per cent.

    The metrics are the means of the contributions, see :func:`ratio_outcomes`. A class that is
    neither in the truth nor predicted doesn't count, as in mmseg.

    Args:
        areas: :func:`class_areas` of each image, (N, 3, K).
    """
    right, found, truth = areas.double().cpu().numpy().swapaxes(0, 1)  # (N, K) each
    pixels = [area.sum(axis=1, keepdims=True) for area in (right, truth)]
    return dict(
        miou=100 * ratio_outcomes(right, found + truth - right),
        pixel_accuracy=100 * ratio_outcomes(*pixels),
    )
