"""Read a tree of the material scenes back from disk and check it against what it must be."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from mmmask.datasets.materials import MATERIALS, SPLITS
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.utils.errors import UserError


def validate_tree(tree: str, root: Path, spec: MaterialScenesSpec) -> None:
    """Check counts, images and annotations of one tree.

    Args:
        tree: ``'cls'``, ``'det'`` or ``'seg'``.
        root: Folder of the tree.
        spec: What it was made to.

    Raises:
        UserError: Names the first file that is wrong, and how.
    """
    dict(cls=_validate_cls, det=_validate_det, seg=_validate_seg)[tree](Path(root), spec)


def _require(right: bool, path: Path, what: str) -> None:
    if not right:
        raise UserError(f'{path}: {what}; delete the file and run mmmask prepare-demo again')


def _open(path: Path, size: int, mode: str) -> np.ndarray:
    try:
        with Image.open(path) as image:
            array, found = np.asarray(image), image.mode
    except OSError as error:
        raise UserError(f'{path} is not a readable image ({error})') from error
    _require(found == mode, path, f'mode {found}, not {mode}')
    _require(array.shape[:2] == (size, size), path, f'size {array.shape[:2]}, not {size} x {size}')
    return array


def _count(folder: Path, suffix: str, expected: int) -> list[Path]:
    files = sorted(folder.glob(f'*{suffix}'))
    _require(len(files) == expected, folder, f'{len(files)} files *{suffix}, not {expected}')
    return files


def _validate_cls(root: Path, spec: MaterialScenesSpec) -> None:
    for split, count in zip(SPLITS, (spec.cls_train, spec.cls_val), strict=True):
        classes = sorted(path.name for path in (root / split).iterdir())
        _require(classes == list(MATERIALS), root / split, f'classes {classes}')
        for material in MATERIALS:
            for file in _count(root / split / material, '.jpg', count):
                _open(file, spec.cls_size, 'RGB')


def _validate_seg(root: Path, spec: MaterialScenesSpec) -> None:
    for split, count in zip(SPLITS, (spec.scenes_train, spec.scenes_val), strict=True):
        images = _count(root / 'images' / split, '.jpg', count)
        maps = _count(root / 'annotations' / split, '.png', count)
        for image, labels in zip(images, maps, strict=True):
            _require(image.stem == labels.stem, labels, f'no image of that name beside {image}')
            _open(image, spec.scene_size, 'RGB')
            highest = int(_open(labels, spec.scene_size, 'L').max())
            _require(highest <= len(MATERIALS), labels, f'label {highest} is no class')


def _validate_det(root: Path, spec: MaterialScenesSpec) -> None:
    for split, count in zip(SPLITS, (spec.scenes_train, spec.scenes_val), strict=True):
        files = _count(root / split, '.jpg', count)
        for file in files:
            _open(file, spec.scene_size, 'RGB')
        path = root / 'annotations' / f'instances_{split}.json'
        coco = json.loads(path.read_text())
        names = [image['file_name'] for image in coco['images']]
        _require(names == [file.name for file in files], path, 'its images are not the folder')
        classes = {category['id']: category['name'] for category in coco['categories']}
        expected = dict(enumerate(MATERIALS, start=1))
        _require(classes == expected, path, f'categories {classes}')
        _validate_annotations(path, coco)


def _validate_annotations(path: Path, coco: dict) -> None:
    """Ids are unique, boxes and areas are those of the masks, no two masks of an image overlap."""
    from pycocotools.mask import decode

    images = {image['id']: image for image in coco['images']}
    categories = {category['id'] for category in coco['categories']}
    _require(len(images) == len(coco['images']), path, 'image ids repeat')
    covered: dict[int, np.ndarray] = {}
    ids = Counter(annotation['id'] for annotation in coco['annotations'])
    _require(max(ids.values(), default=1) == 1, path, 'annotation ids repeat')
    for annotation in coco['annotations']:
        what = f'annotation {annotation["id"]}'
        _require(annotation['image_id'] in images, path, f'{what} belongs to no image')
        _require(annotation['category_id'] in categories, path, f'{what} has no category')
        image = images[annotation['image_id']]
        mask = decode(annotation['segmentation']).astype(bool)
        _require(mask.shape == (image['height'], image['width']), path, f"{what}: mask's size")
        _require(int(mask.sum()) == annotation['area'] > 0, path, f'{what}: area is not the mask')
        rows, columns = np.nonzero(mask)
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        _require(box == annotation['bbox'], path, f'{what}: box is not the mask')
        before = covered.setdefault(annotation['image_id'], np.zeros_like(mask))
        _require(not (before & mask).any(), path, f'{what} overlaps another')
        before |= mask
    empty = set(images) - set(covered)
    _require(not empty, path, f'images without objects: {sorted(empty)[:3]}')
