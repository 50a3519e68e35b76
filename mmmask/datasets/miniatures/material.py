"""Share small embedded images among the miniatures, and give each class a material.

A miniature has the published number of classes, but there are twelve materials. In classification,
class c shows material ``c % 12``, so a classifier of all classes can't be perfect. In scenes,
material m stands for class ``m (n - 1) // 11`` of n: the first, the last and ten in between.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from mmmask.datasets.materials import PHOTOGRAPHS
from mmmask.datasets.scenes import Scene, compose_scene, material_image
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.datasets.writers import jpeg

VERSION = 1
"""Raise it when a miniature gets other content: what was written is made again."""

SEED = 0

Files = dict[str, Callable[[], bytes]]
"""Path below the folder of a data set -> what makes the file's content."""


def class_of_materials(num_classes: int) -> np.ndarray:
    """Return the class index of each material, ``(12,)``, evenly spaced over 12 or more classes."""
    materials = len(PHOTOGRAPHS)
    return np.arange(materials) * (num_classes - 1) // (materials - 1)


def pixels(label: int, split: str, index: int, size: int) -> np.ndarray:
    """Image ``index`` of a class: ``(size, size, 3)`` uint8, of the ``'train'`` or ``'val'`` part.

    Classes that share a material get different crops of it.
    """
    spec = MaterialScenesSpec(cls_size=size)
    turn, material = divmod(label, len(PHOTOGRAPHS))
    return material_image(material, split, 1000 * index + turn, spec, SEED)


def photo(label: int, split: str, index: int, size: int) -> bytes:
    """The same as a JPEG."""
    return jpeg(pixels(label, split, index, size), quality=85)


@cache
def scene(split: str, index: int, size: int = 128) -> Scene:
    """One scene of ``size`` x ``size`` pixels: kept, because several files come from it."""
    return compose_scene(split, index, MaterialScenesSpec(scene_size=size), SEED)
