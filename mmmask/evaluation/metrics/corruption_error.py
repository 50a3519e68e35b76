"""Measure the error on corrupted images (ImageNet-C, Hendrycks and Dietterich 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

ALEXNET = dict(
    gaussian_noise=88.6428,
    shot_noise=89.4468,
    impulse_noise=92.2640,
    defocus_blur=81.9880,
    glass_blur=82.6268,
    motion_blur=78.5948,
    zoom_blur=79.8360,
    snow=86.6816,
    frost=82.6572,
    fog=81.9324,
    brightness=56.4592,
    contrast=85.3204,
    elastic_transform=64.6056,
    pixelate=71.7840,
    jpeg_compression=60.6500,
)
"""Corruption -> AlexNet's mean error over the five severities, in per cent, as published."""


def mean_corruption_error(
    accuracy: Mapping[str, Sequence[ArrayLike]], reference: Mapping[str, float] | None = None
) -> float | np.ndarray:
    """Return the mean over corruptions of the mean error over severities, in per cent: mCE.

    Args:
        accuracy: Corruption -> top-1 accuracy at each severity, in per cent: numbers, or what each
            image contributes, (N,).
        reference: Corruption -> the mean error of another network, by which each error is divided.
            The published mCE has `ALEXNET`; None: the plain mean error.

    Returns:
        The number, or what each image contributes, (N,).

    Raises:
        ValueError: If the reference lacks a corruption.
    """
    if reference is not None and (missing := sorted(set(accuracy) - set(reference))):
        raise ValueError(f'the reference has no error of {", ".join(missing)}')
    errors = []
    for name, values in accuracy.items():
        error = 100 - np.mean(values, axis=0)
        errors.append(error if reference is None else 100 * error / reference[name])
    return np.mean(errors, axis=0)
