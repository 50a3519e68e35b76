"""DAVIS 2017: three sequences of twelve frames, in which blobs of one material move over another.

The texture moves with its outline. One object leaves the picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache, partial

import numpy as np

from mmmask.datasets.davis import write_palette_png
from mmmask.datasets.materials import MATERIALS, PHOTOGRAPHS
from mmmask.datasets.miniatures.material import SEED, Files
from mmmask.datasets.scenes import blob
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.datasets.surfaces import crop_photograph, image_rng
from mmmask.datasets.writers import jpeg

HEIGHT, WIDTH = 96, 160
FRAMES = 12
BOX = 48  # side of the square around an object

# Background, then material, first centre (x, y) and step in pixels of each object.
SEQUENCES = {
    'fur-on-brick': ('brick', ('fur', (36, 40), (7, 2))),
    'petals-leave-grass': ('grass', ('petals', (120, 48), (9, 0)), ('stars', (40, 60), (2, -2))),
    'print-and-tissue': ('gravel', ('print', (40, 30), (5, 1)), ('tissue', (110, 66), (-4, 0))),
}


def files() -> Files:
    """Every file of the miniature."""
    found: Files = {'ImageSets/2017/val.txt': lambda: '\n'.join([*SEQUENCES, '']).encode()}
    for name in SEQUENCES:
        for index in range(FRAMES):
            found[f'JPEGImages/480p/{name}/{index:05d}.jpg'] = partial(_image, name, index)
            found[f'Annotations/480p/{name}/{index:05d}.png'] = partial(_objects, name, index)
    return found


def _image(name: str, index: int) -> bytes:
    return jpeg(_frame(name, index)[0], quality=95)


def _objects(name: str, index: int) -> bytes:
    buffer = io.BytesIO()
    write_palette_png(_frame(name, index)[1], buffer)
    return buffer.getvalue()


@cache
def _frame(name: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one frame, (H, W, 3) uint8, and the numbers of its objects, (H, W) uint8."""
    background, *movers = SEQUENCES[name]
    # Drawn on a canvas with a border, so that an object may leave the frame.
    image = np.zeros((HEIGHT + 2 * BOX, WIDTH + 2 * BOX, 3), np.uint8)
    inside = slice(BOX, BOX + HEIGHT), slice(BOX, BOX + WIDTH)
    image[inside] = _texture(background, WIDTH, name)[:HEIGHT]
    objects = np.zeros(image.shape[:2], np.uint8)
    for number, window, shape, texture in _placed(name, movers, index):
        image[window][shape] = texture[shape]
        objects[window][shape] = number
    return image[inside], objects[inside]


def _placed(
    name: str, movers: list[tuple], index: int
) -> Iterator[tuple[int, tuple[slice, slice], np.ndarray, np.ndarray]]:
    """Yield the number of each object, its window on the canvas, its outline and its texture."""
    for number, (material, start, step) in enumerate(movers, start=1):
        rng = image_rng(SEED, 'davis', name, number)
        shape = blob(BOX, np.full(2, BOX / 2), BOX * 0.36, 0.3, rng)
        left, top = (
            min(max(at + index * by + BOX // 2, 0), end + BOX)
            for at, by, end in zip(start, step, (WIDTH, HEIGHT), strict=True)
        )
        window = slice(top, top + BOX), slice(left, left + BOX)
        yield number, window, shape, _texture(material, BOX, name)


@cache
def _texture(material: str, size: int, name: str) -> np.ndarray:
    """Return a piece of a material, (size, size, 3) uint8, the same in each frame."""
    photograph = PHOTOGRAPHS[MATERIALS.index(material)]
    rng = image_rng(SEED, 'davis', name, material)
    spec = MaterialScenesSpec()
    return crop_photograph(photograph, 'val', size, spec.scene_zoom, spec, rng)
