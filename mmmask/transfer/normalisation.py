"""Find out how images are normalised: by a config, and in the pre-training of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .checkpoint import Checkpoint
from .description import saved_config
from .formats import Selection
from .settings import (
    exported_settings,
    first_known,
    hugging_face_config_of,
    timm_config_of,
)


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
        """Return True if both do the same, but for rounding (within 0.5 of 255)."""
        pairs = zip((*self.mean, *self.std), (*other.mean, *other.std), strict=True)
        return self.channels == other.channels and all(abs(a - b) < 0.5 for a, b in pairs)


KNOWN = {
    'imagenet': Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    'half': Normalisation((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
}
"""Normalisations by the names that the tables of formats and of names have."""

_AS_THEY_ARE = Normalisation((0.0,) * 3, (1.0,) * 3)
_SWAPS = ('to_rgb', 'to_bgr', 'bgr_to_rgb', 'rgb_to_bgr')
"""Options of steps and of data preprocessors, each of which reverses the channels."""


def pretraining_normalisation(
    checkpoint: Checkpoint, selection: Selection
) -> tuple[Normalisation | None, str]:
    """Return the normalisation of a file's pre-training and where it is known from, in words.

    (None, '') if it is unknown. Of an exported file only what its source said counts.
    """
    if exported := exported_settings(checkpoint):
        content = exported.get('normalisation') or {}
        found = normalisation_of_config({'data_preprocessor': content}) if content else None
        return (found, 'its metadata') if found else (None, '')
    hugging_face = hugging_face_config_of(checkpoint, selection)
    preprocessor = hugging_face and checkpoint.about.get('preprocessor_config.json', {})
    timm = timm_config_of(checkpoint, selection)
    published = (selection.format and selection.format.normalisation) or (
        selection.naming.normalisation
    )
    return first_known(
        (
            (normalisation_of_config(saved_config(checkpoint)), 'the config in the file'),
            (
                normalisation_of_unit_pixels(preprocessor, 'image_'),
                'its preprocessor_config.json',
            ),
            (normalisation_of_unit_pixels(timm.get('pretrained_cfg', {})), 'its config.json'),
            (_normalisation_of_options(checkpoint), 'the options in the file'),
            (KNOWN.get(published), f'its format ({selection.family.name})'),
        )
    )


def _normalisation_of_options(checkpoint: Checkpoint) -> Normalisation | None:
    """Read the option by which BEiT, BEiT v2 and CAE differ, saved in a training's ``args``."""
    options = checkpoint.about.get('args')
    option = options.get('imagenet_default_mean_and_std') if isinstance(options, dict) else None
    return KNOWN['imagenet' if option else 'half'] if isinstance(option, bool) else None


def compare_normalisation(
    checkpoint: Checkpoint, selection: Selection, cfg: Mapping
) -> tuple[bool, str]:
    """Compare a config's normalisation of images with that of pre-training.

    Returns:
        True if they differ; and a sentence on that, or on not knowing it, '' if all is well.
    """
    known, place = pretraining_normalisation(checkpoint, selection)
    in_config = normalisation_of_config(cfg)
    if in_config is None:
        return False, ''
    if known is None:
        return False, (
            f"{checkpoint.name} doesn't tell what its images were normalised with: make sure that "
            f'it is as in the config, {in_config}.'
        )
    if known.agrees(in_config):
        return False, ''
    return True, (
        f'{checkpoint.name} was trained on images with {known} (from {place}), but the config has '
        f'{in_config}: set data_preprocessor to the same, or the features are of other images.'
    )


def normalisation_of_config(cfg: Mapping) -> Normalisation | None:
    """Return what an mm-style config does to images: its pipeline, then its data preprocessor.

    - Images from files are BGR, as mmcv decodes them unless told otherwise.
    - Images of data sets without files (CIFAR's arrays) are RGB.
    - Without a pipeline the images are taken for files.
    - A config with model and pipeline that normalises nothing has mean 0 and deviation 1.

    Args:
        cfg: A config, or what could be read of its text. ``img_norm_cfg`` of mmcv 1 counts where
            nothing else is found.

    Returns:
        None if the config doesn't tell.
    """
    model = cfg.get('model')
    preprocessor = cfg.get('data_preprocessor')
    if isinstance(model, Mapping):
        preprocessor = model.get('data_preprocessor', preprocessor)
    steps = list(_steps(_pipeline(cfg)))
    images = _AS_THEY_ARE if steps else replace(_AS_THEY_ARE, channels='BGR')
    told = bool(steps) and isinstance(model, Mapping)
    old = cfg.get('img_norm_cfg')
    if preprocessor is None and isinstance(old, Mapping) and not any(map(_normalises, steps)):
        steps.append(dict(old, type='Normalize'))
    if preprocessor is not None:
        steps.append(_innermost(preprocessor))
    for step in steps:
        if _normalises(step):
            told = True
            if not (_three(step['mean']) and _three(step.get('std'))):
                return None
        images = _after(images, step)
    return images if told else None


def _normalises(step: Mapping) -> bool:
    return step.get('mean') is not None and _name(step) in ('Normalize', 'data_preprocessor')


def _after(images: Normalisation, step: Mapping) -> Normalisation:
    """Return what has been done to images after one more step."""
    name = _name(step)
    if name.startswith('Load') and 'Image' in name:
        return replace(images, channels='RGB' if step.get('channel_order') == 'rgb' else 'BGR')
    mean, std = (0.0,) * 3, (1.0,) * 3
    of_unit_pixels = False
    if _normalises(step):
        mean, std = _three(step['mean']), _three(step['std'])
        of_unit_pixels = name == 'Normalize' and max(std) < 1  # torchvision's, behind a ToTensor
    swaps = any(step.get(key) is True for key in _SWAPS)
    if name == 'Normalize' and 'to_rgb' not in step:
        swaps = not of_unit_pixels  # mmcv's default
    if swaps and name in ('Normalize', 'data_preprocessor', 'NumpyToPIL', 'PILToNumpy'):
        other = 'BGR' if images.channels == 'RGB' else 'RGB'
        images = Normalisation(images.mean[::-1], images.std[::-1], other)
    scale = 255 if of_unit_pixels else 1
    return Normalisation(
        tuple(m0 + s0 * scale * m for m0, s0, m in zip(images.mean, images.std, mean)),
        tuple(s0 * scale * s for s0, s in zip(images.std, std)),
        images.channels,
    )


def _name(step: Mapping) -> str:
    """Return the class of a step without the name of its library."""
    kind = step.get('type')
    return re.split(r'[./]', kind if isinstance(kind, str) else getattr(kind, '__name__', ''))[-1]


def _innermost(preprocessor: object) -> dict:
    """Return a data preprocessor as the last step; the inner one if it wraps another."""
    if not isinstance(preprocessor, Mapping):
        return dict(type='data_preprocessor', mean=preprocessor)  # not readable
    inner = preprocessor.get('data_preprocessor')
    if inner is not None:
        return _innermost(inner)
    return {**preprocessor, 'type': 'data_preprocessor'}


def _pipeline(cfg: Mapping) -> list:
    """Return the steps of training images, else those of validation or test images."""
    loaders = [cfg.get(f'{split}_dataloader') for split in ('train', 'val', 'test')]
    datasets = [loader.get('dataset') for loader in loaders if isinstance(loader, Mapping)]
    old = cfg.get('data')
    if isinstance(old, Mapping):
        datasets += [old.get(split) for split in ('train', 'val', 'test')]
    datasets += [dict(pipeline=cfg.get(f'{split}_pipeline')) for split in ('train', 'test')]
    return next(filter(None, map(_pipeline_of, datasets)), [])


def _pipeline_of(dataset: object) -> list:
    """Return the steps of a data set; of a wrapper the first inner one's, then its own."""
    if isinstance(dataset, (list, tuple)):
        return _pipeline_of(dataset[0]) if dataset else []
    if not isinstance(dataset, Mapping):
        return []
    own = dataset.get('pipeline')
    inner = _pipeline_of(dataset.get('dataset') or dataset.get('datasets'))
    return [*inner, *own] if isinstance(own, (list, tuple)) else inner


def _steps(pipeline: Sequence) -> Iterator[Mapping]:
    """Yield steps, also those inside others; of alternatives and views the first."""
    for step in pipeline:
        if isinstance(step, Mapping):
            yield step
            inner = step.get('transforms')
            if isinstance(inner, (list, tuple)) and inner:
                yield from _steps(inner[0] if isinstance(inner[0], (list, tuple)) else inner)


def normalisation_of_unit_pixels(values: Mapping, prefix: str = '') -> Normalisation | None:
    """Return the normalisation of a mapping whose mean and std are for pixels from 0 to 1.

    Hugging Face's and timm's descriptions are such mappings; a prefix may stand before both keys.
    """
    mean, std = (_three(values.get(prefix + key)) for key in ('mean', 'std'))
    if not (mean and std):
        return None
    return Normalisation(tuple(255 * v for v in mean), tuple(255 * v for v in std))


def _three(values: object) -> tuple[float, ...] | None:
    """Return the values if they are three numbers, else None."""
    if not isinstance(values, Sequence) or len(values) != 3:
        return None
    return tuple(map(float, values)) if all(isinstance(v, (int, float)) for v in values) else None
