"""Read a COCO file once, and refuse what mmdet's loader or pycocotools would stumble over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

from mmmask.checks.uses import Place
from mmmask.utils.errors import UserError
from mmmask.utils.garbage import garbage_kept

LARGE = 64_000_000
"""Bytes from which reading a file takes seconds."""


@dataclass(frozen=True)
class CocoFile:
    """The content of a COCO instances file.

    Attributes:
        path: The file.
        images: Number of images.
        empty: Number of images without an annotation.
        categories: Category id -> name, in the file's order.
        objects: Category id -> number of annotations that aren't crowds.
        lacking: Fault -> the annotations that have it; `_FAULTS` names the faults.
        beyond: Number of boxes that reach beyond their images by more than a pixel.
        annotations: Number of annotations.
    """

    path: Path
    images: int
    empty: int
    categories: dict[int, str]
    objects: Counter[int]
    lacking: dict[str, list[int]]
    beyond: int
    annotations: int


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_mask(value: Any) -> bool:
    """Return True for polygons of three corners and more, and for run lengths."""
    if isinstance(value, dict):
        return 'counts' in value and 'size' in value
    return all(isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0 for p in value)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


_FAULTS: dict[str, Callable[[dict], bool]] = {
    'id that is a whole number': lambda a: isinstance(a.get('id'), int),
    'bbox of four numbers (x, y, width, height)': lambda a: _is_box(a.get('bbox')),
    'area': lambda a: _is_number(a.get('area')),
    'segmentation of polygons (three corners and more) or run lengths': lambda a: _is_mask(
        a.get('segmentation') or ()
    ),
    'segmentation': lambda a: bool(a.get('segmentation')),
    'iscrowd': lambda a: 'iscrowd' in a,
    'id above 0': lambda a: a.get('id') != 0,
}
_MASKS, _CROWD, _ZERO = list(_FAULTS)[-3:]
_REASONS = {
    _MASKS: ', which training or evaluating masks needs',
    _CROWD: ', which the evaluation needs: write 0',
    _ZERO: ", which pycocotools' evaluation never finds: number annotations from 1",
}


def read_coco(path: Path) -> CocoFile:
    """Read a COCO instances file; the same file isn't read twice in a process.

    Raises:
        UserError: It is unreadable or no such file, names an image or a category twice or not at
            all, or images and categories that annotations name.
    """
    return _read(path.resolve(), path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
@garbage_kept()
def _read(path: Path, changed: int) -> CocoFile:
    size = path.stat().st_size
    if size >= LARGE:
        MMLogger.get_current_instance().info(f'checking {path}: {size / 1e6:.0f} MB are read')
    try:
        content = json.loads(path.read_bytes())
        categories = {entry['id']: entry['name'] for entry in content['categories']}
        images = {entry['id']: (entry['width'], entry['height']) for entry in content['images']}
        annotations = content.get('annotations', [])
        named = Counter(entry['image_id'] for entry in annotations)
        objects = Counter(e['category_id'] for e in annotations if not e.get('iscrowd'))
        used = {entry['category_id'] for entry in annotations}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f'{path} is not a COCO instances json ({error!r})') from error
    ids = [entry['id'] for entry in annotations if 'id' in entry]
    for what, entries, unique in (
        ('image', content['images'], images),
        ('category', content['categories'], categories),
        ('annotation', ids, set(ids)),
    ):
        if len(unique) != len(entries):
            raise UserError(f'{path} uses an {what} id more than once'.replace('an c', 'a c'))
    if not images:
        raise UserError(f'{path} lists no images')
    if strange := [size for size in images.values() if not all(map(_is_number, size))]:
        raise UserError(
            f'{path}: width and height of {len(strange)} images are no numbers, such as '
            f'{strange[0][0]!r} x {strange[0][1]!r}'
        )
    if strange := set(named) - set(images):
        raise UserError(
            f'{path} annotates {len(strange)} images that it does not list, such as image_id '
            f'{min(strange, key=str)}'
        )
    if strange := used - set(categories):
        raise UserError(f'{path} annotates category ids it does not name: {sorted(strange)}')
    lacking = {
        fault: [number for number, entry in enumerate(annotations) if not has(entry)]
        for fault, has in _FAULTS.items()
    }
    empty = len(images) - len(named)
    boxes = [(e['bbox'], images[e['image_id']]) for e in annotations if _is_box(e.get('bbox'))]
    beyond = sum(
        x < -1 or y < -1 or x + wide > width + 1 or y + high > height + 1
        for (x, y, wide, high), (width, height) in boxes
    )
    return CocoFile(
        path, len(images), empty, categories, objects, lacking, beyond, len(annotations)
    )


def check_coco(place: Place, num_classes: int | None) -> None:
    """Refuse a file of which objects can't be read, trained on or evaluated.

    Raises:
        UserError: Annotations lack what the data set's use needs, or are missing.
    """
    if place.ann_file is None or not place.reads_like('CocoDataset'):
        return
    file, tested = read_coco(place.ann_file), bool(place.config.get('test_mode'))
    for fault, numbers in file.lacking.items():
        needed = {_MASKS: place.masks, _CROWD: tested, _ZERO: tested}.get(fault, True)
        if numbers and needed:
            raise UserError(
                f'{file.path}: {len(numbers)} of {file.annotations} annotations have no {fault}'
                f'{_REASONS.get(fault, "")}; first: number {numbers[0]} of the list'
            )
    if file.beyond > file.annotations / 2:
        raise UserError(
            f'{file.path}: {file.beyond} of {file.annotations} boxes reach beyond their images: '
            'bbox must be x, y, width, height in pixels (not x1, y1, x2, y2)'
        )
    if not tested and not file.objects.total():
        raise UserError(f'{file.path} holds no annotations of single objects (iscrowd=0)')
