"""ImageNet-1k: ``{train,val}/<class id>/<image>.JPEG``, one image of 32 pixels in each folder."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path

from mmmask.datasets.materials import SPLITS
from mmmask.datasets.miniatures.material import Files, photo
from mmmask.errors import UserError

SIZE = 32


def class_ids() -> list[str]:
    """The 1000 class ids, sorted; their ranks are the labels. From the list that timm carries.

    Raises:
        UserError: timm isn't installed.
    """
    package = find_spec('timm')
    if package is None:
        raise UserError("ImageNet's class ids come from the package 'timm': run pip install timm")
    folder = Path(package.origin).parent
    return sorted((folder / 'data/_info/imagenet_synsets.txt').read_text().split())


def files() -> Files:
    """Every file of the miniature."""
    return {
        f'{split}/{name}/{_image_name(split, name, label)}': partial(photo, label, split, 0, SIZE)
        for split in SPLITS
        for label, name in enumerate(class_ids())
    }


def _image_name(split: str, name: str, label: int) -> str:
    return f'{name}_0.JPEG' if split == 'train' else f'ILSVRC2012_val_{label + 1:08d}.JPEG'
