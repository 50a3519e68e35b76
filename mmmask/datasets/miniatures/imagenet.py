"""ImageNet-1k: ``{train,val}/<class id>/<image>.JPEG``, one image of 32 pixels in each folder."""

from __future__ import annotations

from functools import partial

from mmmask.datasets.folders import class_ids
from mmmask.datasets.materials import SPLITS
from mmmask.datasets.miniatures.material import Files, photo
from mmmask.utils.errors import UserError

SIZE = 32


def files() -> Files:
    """Every file of the miniature.

    Raises:
        UserError: timm isn't installed.
    """
    names = class_ids()
    if names is None:
        raise UserError("ImageNet's class ids come from the package 'timm': run pip install timm")
    return {
        f'{split}/{name}/{_image_name(split, name, label)}': partial(photo, label, split, 0, SIZE)
        for split in SPLITS
        for label, name in enumerate(names)
    }


def _image_name(split: str, name: str, label: int) -> str:
    return f'{name}_0.JPEG' if split == 'train' else f'ILSVRC2012_val_{label + 1:08d}.JPEG'
