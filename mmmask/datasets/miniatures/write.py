"""Write one miniature, or complete it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from mmmask.datasets.miniatures import (
    cifar,
    coco,
    davis,
    flowers,
    imagenet,
    imagenet9,
    imagenet_variants,
    inaturalist,
    places205,
    retrieval,
    segmentation,
)
from mmmask.datasets.miniatures.material import VERSION, Files
from mmmask.datasets.store import refresh
from mmmask.utils.errors import UserError

LAYOUTS: dict[str, Callable[[], Files]] = {
    'imagenet': imagenet.files,
    'coco': coco.files,
    'ade20k': segmentation.ade20k,
    'cityscapes': segmentation.cityscapes,
    'voc2012': segmentation.voc2012,
    'cifar10': cifar.cifar10,
    'cifar100': cifar.cifar100,
    'flowers102': flowers.files,
    'inaturalist2018': partial(inaturalist.files, 2018),
    'inaturalist2019': partial(inaturalist.files, 2019),
    'roxford5k': partial(retrieval.revisited, 'roxford5k'),
    'rparis6k': partial(retrieval.revisited, 'rparis6k'),
    'cub200': retrieval.cub200,
    'cars196': retrieval.cars196,
    'sop': retrieval.products,
    'inshop': retrieval.inshop,
    'davis2017': davis.files,
    'imagenet9': imagenet9.files,
    'imagenet-a': imagenet_variants.imagenet_a,
    'imagenet-r': imagenet_variants.imagenet_r,
    'imagenet-sketch': imagenet_variants.imagenet_sketch,
    'imagenetv2': imagenet_variants.imagenet_v2,
    'places205': places205.files,
}
"""Layout -> its files."""


def write_miniature(layout: str, folder: Path) -> None:
    """Bring the miniature of a published layout under ``folder`` up to date.

    Files that are right already stay; every file is written aside and renamed.

    Args:
        layout: One of `LAYOUTS`.
        folder: What configs call ``data_root``; a ``manifest.json`` is written into it, too.

    Raises:
        UserError: There is no such layout, or the folder holds files that this didn't write.
    """
    if layout not in LAYOUTS:
        raise UserError(f'there is no miniature of {layout!r}: choose one of {", ".join(LAYOUTS)}')
    files = LAYOUTS[layout]()
    refresh(
        Path(folder), dict(miniature=layout, version=VERSION), files, lambda name: files[name]()
    )
