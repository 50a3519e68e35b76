"""Read a COCO file once, and refuse what mmdet's loader or pycocotools would stumble over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mmengine.logging import MMLogger
from pycocotools.coco import COCO

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
    return type(value) in (int, float)


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


_KNOWN: dict[tuple[Path, int], CocoFile] = {}
"""Files that have been read, by path and time of change."""


def _key(path: Path) -> tuple[Path, int]:
    return path.resolve(), path.stat().st_mtime_ns


def read_coco(path: Path) -> CocoFile:
    """Read a COCO instances file, unless a data set has read it (`reading_along`).

    Raises:
        UserError: It is unreadable or no such file, names an image or a category twice or not at
            all, or images and categories that annotations name.
    """
    key = _key(path)
    if key not in _KNOWN:
        try:
            with garbage_kept():
                content = json.loads(path.read_bytes())
        except ValueError as error:
            raise UserError(f'{path} is not a COCO instances json ({error!r})') from error
        _KNOWN[key] = _summarise(path, content)
    return _KNOWN[key]


@contextmanager
def reading_along() -> Iterator[None]:
    """Check the large files that data sets parse, before they use them: none is parsed twice."""
    init, create_index = COCO.__init__, COCO.createIndex

    def init_with_path(self: COCO, annotation_file: str | None = None) -> None:
        size = Path(annotation_file).stat().st_size if annotation_file else 0
        self._large = Path(annotation_file) if size >= LARGE else None
        if self._large:
            MMLogger.get_current_instance().info(f'reading {annotation_file}: {size / 1e6:.0f} MB')
        init(self, annotation_file)

    def check_then_index(self: COCO) -> None:
        if self._large:
            file = _KNOWN[_key(self._large)] = _summarise(self._large, self.dataset)
            check_fields(file)
        create_index(self)

    COCO.__init__, COCO.createIndex = init_with_path, check_then_index
    try:
        with garbage_kept():
            yield
    finally:
        COCO.__init__, COCO.createIndex = init, create_index


def _summarise(path: Path, content: Any) -> CocoFile:
    try:
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


def look_at_coco(place: Place, num_classes: int | None) -> None:
    """Check a file before the data set is built, unless that would take long."""
    own = place.ann_file is not None and place.reads_like('CocoDataset')
    if own and place.ann_file.stat().st_size < LARGE:
        check_coco(place)


def check_coco(place: Place) -> CocoFile:
    """Return the file of a data set, of which objects can be read, trained on and evaluated.

    Raises:
        UserError: Annotations lack what the data set's use needs, or are missing.
    """
    file, tested = read_coco(place.ann_file), bool(place.config.get('test_mode'))
    check_fields(file, {_MASKS: place.masks, _CROWD: tested, _ZERO: tested})
    if file.beyond > file.annotations / 2:
        raise UserError(
            f'{file.path}: {file.beyond} of {file.annotations} boxes reach beyond their images: '
            'bbox must be x, y, width, height in pixels (not x1, y1, x2, y2)'
        )
    if not tested and not file.objects.total():
        raise UserError(f'{file.path} holds no annotations of single objects (iscrowd=0)')
    return file


def check_fields(file: CocoFile, needed: Mapping[str, bool] = MappingProxyType({})) -> None:
    """Refuse annotations that lack a field.

    Args:
        file: The file.
        needed: Whether the fields that some uses only need are needed; by default they aren't.

    Raises:
        UserError: With the number of annotations and the first.
    """
    for fault, numbers in file.lacking.items():
        if numbers and needed.get(fault, fault not in (_MASKS, _CROWD, _ZERO)):
            raise UserError(
                f'{file.path}: {len(numbers)} of {file.annotations} annotations have no {fault}'
                f'{_REASONS.get(fault, "")}; first: number {numbers[0]} of the list'
            )
