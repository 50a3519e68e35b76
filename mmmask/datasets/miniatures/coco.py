"""COCO 2017: 8 training and 4 validation scenes, all 80 categories under their published ids."""

from __future__ import annotations

import json
from functools import cache, partial

from mmmask.datasets.miniatures.material import Files, class_of_materials, scene
from mmmask.datasets.writers import jpeg, mask_fields

COUNTS = {'train': 8, 'val': 4}

UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
CATEGORY_IDS = tuple(number for number in range(1, 91) if number not in UNUSED_IDS)
"""COCO's ids of its 80 categories, in the order of the labels."""


def files() -> Files:
    """Every file of the miniature."""
    found: Files = {}
    for split, count in COUNTS.items():
        for index in range(count):
            name = f'{split}2017/{_image_id(split, index):012d}.jpg'
            found[name] = partial(_image, split, index)
        found[f'annotations/instances_{split}2017.json'] = partial(_instances, split)
    return found


def _image_id(split: str, index: int) -> int:
    """Unique over both splits, as COCO's are."""
    return index + 1 if split == 'train' else 1001 + index


def _image(split: str, index: int) -> bytes:
    return jpeg(scene(split, index).image, quality=90)


@cache
def categories() -> list[dict]:
    """COCO's categories: ids and names."""
    from mmdet.datasets import CocoDataset

    names = CocoDataset.METAINFO['classes']
    return [dict(id=number, name=name) for number, name in zip(CATEGORY_IDS, names, strict=True)]


def _instances(split: str) -> bytes:
    """COCO's annotation file with exact masks, as run lengths."""
    images, annotations = [], []
    for index in range(COUNTS[split]):
        picture = scene(split, index)
        height, width = picture.image.shape[:2]
        identity = _image_id(split, index)
        name = f'{identity:012d}.jpg'
        images.append(dict(id=identity, file_name=name, width=width, height=height))
        classes = class_of_materials(len(CATEGORY_IDS))[list(picture.labels)]
        for label, mask in zip(classes, picture.masks, strict=True):
            number = 1000 * identity + len(annotations)
            annotations.append(
                dict(
                    id=number,
                    image_id=identity,
                    category_id=CATEGORY_IDS[label],
                    iscrowd=0,
                    **mask_fields(mask),
                )
            )
    info = dict(description='miniature of COCO 2017 from material scenes', year=2017)
    content = dict(info=info, images=images, annotations=annotations, categories=categories())
    return json.dumps(content).encode()
