"""Measure how alike the features of different images are."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from .finite import finite


def mean_cosine(features: Tensor | np.ndarray) -> float:
    r"""Return the mean cosine between the features of two different images.

    All pairs count: with unit vectors u, it is
    :math:`(|\sum_i u_i|^2 - \sum_i |u_i|^2) / (N (N - 1))`, which needs no N x N matrix.

    Args:
        features: (N, C); the cosine of a zero vector with any other is 0.

    Returns:
        A number in [-1, 1]; NaN for fewer than two images.

    Raises:
        DivergedError: If a feature isn't finite.
    """
    unit = F.normalize(finite(features), dim=1)
    count = len(unit)
    if count < 2:
        return float('nan')
    total = unit.sum(dim=0).square().sum() - unit.square().sum()
    return float(total / (count * (count - 1)))
