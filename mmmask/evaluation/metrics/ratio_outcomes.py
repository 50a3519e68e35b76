"""Split a mean of ratios of sums, such as mean IoU, into what each image contributes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def ratio_outcomes(parts: ArrayLike, wholes: ArrayLike, absent: float | None = None) -> np.ndarray:
    r"""Return what each image contributes to the mean over classes of a ratio of sums, (N,).

    The ratio of class c is :math:`r_c = A_c / B_c`, with the sums over images
    :math:`A_c = \sum_i a_{ic}` and :math:`B_c = \sum_i b_{ic}`. The metric is their mean over K
    classes. Image i contributes

    .. math:: o_i = \frac{1}{K} \sum_c r_c + N \frac{a_{ic} - r_c b_{ic}}{B_c}.

    The mean of the contributions is exactly the metric. Their standard error is the delta method's:
    it is how far the metric varies over other sets of N images, to the first order.

    Args:
        parts: a, (N, K), or (N, 1) for a single ratio. Of mean IoU, intersections in pixels.
        wholes: b, (N, K). Of mean IoU, unions in pixels.
        absent: The ratio of a class whose wholes are all 0. None: the class doesn't count.
    """
    parts, wholes = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    whole = wholes.sum(axis=0)
    used = whole > 0
    ratio = parts.sum(axis=0)[used] / whole[used]
    deviations = parts[:, used] - ratio * wholes[:, used]
    of_classes = ratio + len(parts) * deviations / whole[used]  # (N, used classes)
    missing = 0 if absent is None else (~used).sum()
    return (of_classes.sum(axis=1) + missing * (absent or 0)) / (used.sum() + missing)
