"""What images are normalised with before they reach a backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Normalisation:
    """Means and standard deviations of pixels from 0 to 255, in the order of the channels.

    Attributes:
        mean: Three values.
        std: Three values.
        channels: 'RGB' or 'BGR'.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: str = 'RGB'

    def __str__(self) -> str:
        mean, std = (', '.join(f'{v:g}' for v in values) for values in (self.mean, self.std))
        return f'mean ({mean}), std ({std}), {self.channels}'

    def agrees(self, other: Normalisation) -> bool:
        """Whether both do the same, but for rounding (within 0.5 of 255)."""
        pairs = zip((*self.mean, *self.std), (*other.mean, *other.std), strict=True)
        return self.channels == other.channels and all(abs(a - b) < 0.5 for a, b in pairs)


KNOWN = {
    'imagenet': Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    'half': Normalisation((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
}
"""By the names in the tables of formats and dialects."""


def normalisation_of_config(cfg: Mapping) -> Normalisation | None:
    """Of an mm-style config: its data preprocessor's, or mmcv 1's ``img_norm_cfg``; None if it
    doesn't tell."""
    model = cfg.get('model')
    inner = model.get('data_preprocessor') if isinstance(model, Mapping) else None
    for part in (inner, cfg.get('data_preprocessor'), cfg.get('img_norm_cfg')):
        if not isinstance(part, Mapping):
            continue
        mean, std = (_three(part.get(key)) for key in ('mean', 'std'))
        if mean and std:
            to_rgb = part.get('to_rgb', part.get('bgr_to_rgb', False))
            return Normalisation(mean, std, 'RGB' if to_rgb else 'BGR')
    return None


def normalisation_of_hugging_face(preprocessor: Mapping) -> Normalisation | None:
    """Of a ``preprocessor_config.json``, whose values are of pixels from 0 to 1."""
    mean, std = (_three(preprocessor.get(key)) for key in ('image_mean', 'image_std'))
    if not (mean and std):
        return None
    return Normalisation(tuple(255 * v for v in mean), tuple(255 * v for v in std))


def _three(values: object) -> tuple[float, ...] | None:
    """Three numbers, or None."""
    if not isinstance(values, Sequence) or len(values) != 3:
        return None
    return tuple(map(float, values)) if all(isinstance(v, (int, float)) for v in values) else None
