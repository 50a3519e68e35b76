"""Fit a linear classifier to a few images in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

PENALTIES = tuple(10.0 ** (half / 2) for half in range(-8, 9))
"""From 1e-4 to 1e4 by factors of the root of 10, for features of length 1."""


class Ridge(NamedTuple):
    """A fitted classifier: scores are ``features @ weights + bias``.

    Attributes:
        weights: (C, K).
        bias: (K,).
        penalty: The penalty of the squared weights.
        errors: The mean squared error of leaving one image out, by the penalties that were given.
    """

    weights: Tensor
    bias: Tensor
    penalty: float
    errors: list[float]


def fit_ridge(
    features: Tensor, labels: Tensor, num_classes: int, penalties: Sequence[float]
) -> Ridge:
    r"""Regress the classes' indicators on features, with the penalty that leaves one out best.

    :math:`\min_{W, b} \lVert X W + b - Y \rVert^2 + \lambda \lVert W \rVert^2`, the bias without a
    penalty. H is the hat matrix of the fit, E are its residuals. Image i, when it is left out, has
    the error :math:`e_i / (1 - h_{ii})`: no refit is needed. All is in float64, by one singular
    value decomposition for all penalties.

    Args:
        features: X, (N, C).
        labels: Classes, (N,) int64.
        num_classes: K.
        penalties: Values of :math:`\lambda`, above 0; of equally good ones the first is taken.
    """
    features = features.double()
    targets = F.one_hot(labels, num_classes).double()
    centre, mean = features.mean(dim=0), targets.mean(dim=0)
    left, values, right = torch.linalg.svd(features - centre, full_matrices=False)
    rotated = left.T @ (targets - mean)  # (R, K)
    errors = []
    for penalty in penalties:
        kept = values.square() / (values.square() + penalty)  # (R,)
        residuals = targets - mean - left @ (kept[:, None] * rotated)
        leverage = 1 / len(features) + (left.square() * kept).sum(dim=1)
        errors.append(float((residuals / (1 - leverage)[:, None]).square().mean()))
    penalty = penalties[min(range(len(errors)), key=errors.__getitem__)]
    weights = right.T @ ((values / (values.square() + penalty))[:, None] * rotated)
    return Ridge(weights, mean - centre @ weights, penalty, errors)
