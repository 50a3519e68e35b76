"""ImageNet-A, -R, -Sketch and -V2: ``<class>/<image>``, one image of 32 pixels in each folder.

ImageNet-A and -R have 200 of the 1000 classes, here every fifth. ImageNet-V2's folders are numbers.
Pictures are further crops of the class's material; those of -R and -Sketch have no colours.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from mmmask.datasets.miniatures import imagenet
from mmmask.datasets.miniatures.material import Files, photo, pixels
from mmmask.datasets.writers import jpeg


def imagenet_a() -> Files:
    """Every file of ImageNet-A's miniature, of 200 classes."""
    return _files('{id}/0.000116_{label}_0.865662.jpg', 1, step=5)


def imagenet_r() -> Files:
    """Every file of ImageNet-R's miniature, of 200 classes."""
    return _files('{id}/art_0.jpg', 2, step=5, grey=True)


def imagenet_sketch() -> Files:
    """Every file of ImageNet-Sketch's miniature."""
    return _files('{id}/sketch_0.JPEG', 3, grey=True)


def imagenet_v2() -> Files:
    """Every file of ImageNet-V2's miniature."""
    return _files('{label}/{label:040x}.jpeg', 4)


def _files(name: str, index: int, step: int = 1, grey: bool = False) -> Files:
    """Return the file of every ``step``-th class; ``index`` tells which crop of its material."""
    make = _grey if grey else photo
    return {
        name.format(id=known, label=label): partial(make, label, 'val', index, imagenet.SIZE)
        for label, known in list(enumerate(imagenet.ids()))[::step]
    }


def _grey(label: int, split: str, index: int, size: int) -> bytes:
    mean = pixels(label, split, index, size).mean(axis=2, keepdims=True)
    return jpeg(np.broadcast_to(mean, (size, size, 3)).astype(np.uint8), quality=85)
