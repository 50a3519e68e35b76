"""The photographs behind the embedded data, divided between training and validation.

Every *material* is one region of one photograph that scikit-image or scikit-learn carries inside
its package, so nothing is downloaded. The region is divided by one vertical line: training sees
the pixels left of it, validation those right of it. Cropping comes first and every transformation
after it, so no pixel is shared.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmmask.utils.errors import UserError

SPLITS = ('train', 'val')


@dataclass(frozen=True)
class Photograph:
    """One region of a photograph of a package.

    Attributes:
        name: Class name, for a material.
        file: Path below site-packages; its first part is the package's import name.
        box: Region ``(left, top, right, bottom)`` in pixels of the photograph.
        split: Share of the region's width that belongs to training.
        scale: Factor by which a part is resized, so that the textures have comparable grain.
    """

    name: str
    file: str
    box: tuple[int, int, int, int]
    split: float
    scale: float = 1.0

    def columns(self, split: str) -> tuple[int, int]:
        """Half-open range of the photograph's columns that ``split`` may use."""
        left, _, right, _ = self.box
        middle = left + round((right - left) * self.split)
        return (left, middle) if split == 'train' else (middle, right)


PHOTOGRAPHS = (
    Photograph('brick', 'skimage/data/brick.png', (0, 0, 512, 512), 0.65, 0.8),
    Photograph('coins', 'skimage/data/coins.png', (0, 0, 384, 303), 0.6),
    Photograph('fur', 'skimage/data/chelsea.png', (20, 0, 340, 300), 0.56),
    Photograph('grass', 'skimage/data/grass.png', (0, 0, 512, 512), 0.65),
    Photograph('gravel', 'skimage/data/gravel.png', (0, 0, 512, 512), 0.65),
    Photograph('motorcycle', 'skimage/data/motorcycle_left.png', (110, 90, 720, 480), 0.58, 0.55),
    Photograph('pagoda', 'sklearn/datasets/images/china.jpg', (90, 100, 370, 370), 0.55),
    Photograph('petals', 'sklearn/datasets/images/flower.jpg', (200, 40, 425, 255), 0.55),
    Photograph('print', 'skimage/data/page.png', (0, 0, 384, 160), 0.6),
    Photograph('retina', 'skimage/data/retina.jpg', (230, 230, 1180, 1180), 0.6, 0.4),
    Photograph('stars', 'skimage/data/hubble_deep_field.jpg', (0, 0, 1000, 872), 0.65, 0.7),
    Photograph('tissue', 'skimage/data/ihc.png', (0, 0, 512, 512), 0.6, 0.65),
)
"""The classes, in the order of their labels (alphabetical, as a folder tree sorts them)."""

MATERIALS = tuple(photograph.name for photograph in PHOTOGRAPHS)
"""Class names: the one list that the generator, the configs and the tests use."""

OTHERS = (
    Photograph('astronaut', 'skimage/data/astronaut.png', (0, 0, 512, 512), 0.6, 0.6),
    Photograph('coffee', 'skimage/data/coffee.png', (0, 0, 600, 400), 0.6, 0.6),
    Photograph('camera', 'skimage/data/camera.png', (0, 0, 512, 512), 0.6, 0.6),
    Photograph('moon', 'skimage/data/moon.png', (0, 0, 512, 512), 0.6, 0.6),
    Photograph('rocket', 'skimage/data/rocket.jpg', (0, 0, 640, 427), 0.6, 0.6),
)
"""Photographs without a class: backgrounds labelled 0 ("other") in the segmentation."""

SCENE_PHOTOGRAPHS = tuple(
    photograph
    for photograph in PHOTOGRAPHS
    if photograph.name in ('brick', 'grass', 'gravel', 'petals', 'print', 'stars')
)
"""The classes of scenes, in the order of their labels: their grain shows within a small object."""

SCENE_MATERIALS = tuple(photograph.name for photograph in SCENE_PHOTOGRAPHS)
"""Class names of scenes: the one list that the generator, the configs and the tests use."""

PALETTE = (
    (178, 34, 34), (60, 160, 60), (128, 128, 128), (255, 140, 180), (240, 240, 240), (40, 20, 90),
)  # fmt: skip
"""One RGB colour per class of scenes, for segmentation maps."""


def photograph_path(photograph: Photograph) -> Path:
    """Find the photograph in its package, without importing the package.

    Raises:
        UserError: The package isn't installed, or doesn't carry the file.
    """
    package, _, rest = photograph.file.partition('/')
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise UserError(
            f"the embedded data needs the photographs of the package '{package}', which is not "
            f'installed: run pip install {_PACKAGES.get(package, package)}'
        )
    path = Path(found.origin).parent / rest
    if not path.is_file():
        raise UserError(
            f"the installed '{package}' doesn't carry {path.name} (looked for {path}): install "
            f'{_PACKAGES.get(package, package)} from its wheel again'
        )
    return path


_PACKAGES = {'skimage': 'scikit-image', 'sklearn': 'scikit-learn'}


def cut_part(pixels: np.ndarray, photograph: Photograph, split: str) -> np.ndarray:
    """The part of a photograph that ``split`` may use, at the material's scale.

    Args:
        pixels: The whole photograph, ``(H, W, 3)`` uint8.
        photograph: Its region, dividing line and scale.
        split: ``'train'`` or ``'val'``.

    Returns:
        ``(h, w, 3)`` uint8: cropped first, resized after, so it depends on no pixel outside its
        columns.
    """
    _, top, _, bottom = photograph.box
    first, end = photograph.columns(split)
    part = np.ascontiguousarray(pixels[top:bottom, first:end])
    if photograph.scale == 1.0:
        return part
    size = (round(part.shape[1] * photograph.scale), round(part.shape[0] * photograph.scale))
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA)


@cache
def load_part(photograph: Photograph, split: str) -> np.ndarray:
    """Read a photograph and cut the part of ``split``; ``(h, w, 3)`` uint8 RGB, read-only."""
    path = photograph_path(photograph)
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert('RGB'))
    except OSError as error:
        raise UserError(f'{path} is not readable ({error}): reinstall its package') from error
    if pixels.shape[0] < photograph.box[3] or pixels.shape[1] < photograph.box[2]:
        raise UserError(f'{path} is smaller than the embedded data expects: reinstall its package')
    part = cut_part(pixels, photograph, split)
    part.setflags(write=False)
    return part


@cache
def texture(photograph: Photograph, split: str) -> float:
    """Standard deviation of all values of a part, in grey levels of 0 to 255."""
    return float(load_part(photograph, split).std())
