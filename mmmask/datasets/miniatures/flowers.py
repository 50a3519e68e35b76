"""Oxford Flowers-102: ``jpg/image_<number>.jpg``, labels and splits in two MATLAB files.

Each of the 102 classes has one image for training, one for validation and one for the test.
"""

from __future__ import annotations

import io
from functools import partial

import numpy as np

from mmmask.datasets.miniatures.material import Files, photo

NUM_CLASSES = 102
SIZE = 48
SPLIT_KEYS = ('trnid', 'valid', 'tstid')
"""The keys of ``setid.mat``, in the order of the image numbers."""

HEADER = b'MATLAB 5.0 MAT-file, miniature'


def files() -> Files:
    """Every file of the miniature."""
    found: Files = {}
    for part, key in enumerate(SPLIT_KEYS):
        split = 'train' if key == 'trnid' else 'val'
        for label in range(NUM_CLASSES):
            name = f'jpg/image_{part * NUM_CLASSES + label + 1:05d}.jpg'
            found[name] = partial(photo, label, split, part, SIZE)
    return {**found, 'imagelabels.mat': _labels, 'setid.mat': _splits}


def _labels() -> bytes:
    """Labels 1 to 102 of the images in the order of their numbers: ``(1, 306)``."""
    labels = np.tile(np.arange(1, NUM_CLASSES + 1, dtype=np.uint8), len(SPLIT_KEYS))
    return mat(dict(labels=labels[None]))


def _splits() -> bytes:
    """Image numbers of each split: ``(1, 102)``."""
    numbers = np.arange(1, NUM_CLASSES + 1, dtype=np.uint16)[None]
    return mat({key: numbers + part * NUM_CLASSES for part, key in enumerate(SPLIT_KEYS)})


def mat(values: dict[str, np.ndarray]) -> bytes:
    """A MATLAB 5 file whose header doesn't tell when it was written."""
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, values)
    return HEADER.ljust(116) + buffer.getvalue()[116:]  # the header's text is 116 bytes long
