"""ImageNet-1k: ``{train,val}/<class id>/<image>.JPEG``, one image of 32 pixels in each folder.

``real.json`` has ReaL labels of the validation images: class c, for every other c another class of
the same material beside it, and none for every tenth.
"""

from __future__ import annotations

import json
from functools import partial

from mmmask.datasets.folders import class_ids
from mmmask.datasets.materials import MATERIALS, SPLITS
from mmmask.datasets.miniatures.material import Files, photo
from mmmask.utils.errors import UserError

SIZE = 32


def files() -> Files:
    """Every file of the miniature."""
    images: Files = {
        f'{split}/{name}/{_image_name(split, name, label)}': partial(photo, label, split, 0, SIZE)
        for split in SPLITS
        for label, name in enumerate(ids())
    }
    return {**images, 'real.json': _real_labels}


def ids() -> list[str]:
    """Return the class ids in the order of their numbers.

    Raises:
        UserError: timm isn't installed.
    """
    names = class_ids()
    if names is None:
        raise UserError("ImageNet's class ids come from the package 'timm': run pip install timm")
    return names


def _real_labels() -> bytes:
    count, materials = len(ids()), len(MATERIALS)
    several = [[c, (c + materials) % count] if c % 2 else [c] for c in range(count)]
    return json.dumps([labels if c % 10 else [] for c, labels in enumerate(several)]).encode()


def _image_name(split: str, name: str, label: int) -> str:
    return f'{name}_0.JPEG' if split == 'train' else f'ILSVRC2012_val_{label + 1:08d}.JPEG'
