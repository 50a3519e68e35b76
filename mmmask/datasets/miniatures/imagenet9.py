"""ImageNet-9: ``<set>/val/<class>/<image>.JPEG`` in eight sets, and ``in_to_in9.json``.

A material stands for each of the nine classes. The foreground is a disc in the middle. Class c of
ImageNet belongs to the class of material ``c % 12``, as in the miniature of ImageNet. The last
three materials belong to none. ``materials_to_in9.json`` is the map of a classifier of the twelve.
"""

from __future__ import annotations

import json
from functools import partial

import numpy as np

from mmmask.datasets.materials import MATERIALS
from mmmask.datasets.miniatures.material import Files, pixels
from mmmask.datasets.writers import jpeg

SIZE = 48
IMAGES = 2
"""Images of each class in each set."""

CLASSES = (
    *('dog', 'bird', 'wheeled vehicle', 'reptile', 'carnivore', 'insect', 'musical instrument'),
    *('primate', 'fish'),
)
SETS = (
    *('original', 'mixed_same', 'mixed_rand', 'mixed_next'),
    *('only_fg', 'no_fg', 'only_bg_b', 'only_bg_t'),
)


def files() -> Files:
    """Every file of the miniature."""
    maps = {'in_to_in9.json': 1000, 'materials_to_in9.json': len(MATERIALS)}
    found: Files = {name: partial(_map, count) for name, count in maps.items()}
    for name in SETS:
        for label, title in enumerate(CLASSES):
            for index in range(IMAGES):
                path = f'{name}/val/{label:02d}_{title}/fg_{index}.JPEG'
                found[path] = partial(_image, name, label, index)
    return found


def _map(count: int) -> bytes:
    numbers = [number % len(MATERIALS) for number in range(count)]
    coarse = {str(i): n if n < len(CLASSES) else -1 for i, n in enumerate(numbers)}
    return json.dumps(coarse).encode()


def _image(name: str, label: int, index: int) -> bytes:
    """Return a disc of a material before another crop, or as the set has it."""
    count = len(CLASSES)
    behind = dict(mixed_next=(label + 1) % count, mixed_rand=(label + 2 + index) % count)
    background = pixels(behind.get(name, label), 'val', 100 + index, SIZE)
    foreground = pixels(label, 'val', index, SIZE)
    rows, columns = np.indices((SIZE, SIZE)) - SIZE // 2
    disc = (rows**2 + columns**2 < (SIZE // 3) ** 2)[..., None]
    box = ((abs(rows) < SIZE // 3) & (abs(columns) < SIZE // 3))[..., None]
    pictures = dict(
        only_fg=np.where(disc, foreground, 0),
        no_fg=np.where(disc, 0, background),
        only_bg_b=np.where(box, 0, background),
        only_bg_t=np.where(box, np.roll(background, SIZE // 2, axis=1), background),
    )
    return jpeg(pictures.get(name, np.where(disc, foreground, background)), quality=85)
