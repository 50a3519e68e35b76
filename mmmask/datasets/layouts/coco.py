"""COCO: an instances json and the folder of its images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os.path import isfile
from pathlib import Path

from mmmask.datasets.checks import check_coco_content, read_coco
from mmmask.datasets.layouts.scan import Found, Scan, open_images
from mmmask.utils.errors import UserError
from mmmask.utils.files import list_images

TREE = """
<data_root>/
  train2017/*.jpg                           118287 images
  val2017/*.jpg                             5000 images
  annotations/instances_train2017.json      80 categories, ids 1 to 90 with gaps
  annotations/instances_val2017.json
"""

PUBLISHED = {'instances_train2017.json': 118_287, 'instances_val2017.json': 5_000}


def check_coco(
    ann_file: Path,
    folder: Path,
    names: Sequence[str],
    allow_subset: bool,
    scan: Scan,
    labelled: bool = True,
) -> Found:
    """Annotations against the names of the classes, and images against the annotations.

    Args:
        ann_file: COCO instances json.
        folder: Folder of the images.
        names: ``metainfo.classes``, in the order of the labels.
        allow_subset: Whether the file may hold categories that ``names`` leaves out.
        scan: How thorough to be.
        labelled: Whether there must be annotations: a test set's json has none.

    Raises:
        UserError: Categories don't fit or are in another order, annotations belong to no image or
            category, images are absent, broken or of another size than the file says.
    """
    found = Found(published=PUBLISHED.get(ann_file.name) if len(names) == 80 else None)
    coco = read_coco(ann_file, labelled)
    check_coco_content(coco, ann_file, names, allow_subset, labelled)
    _check_order(coco, ann_file, names)
    images = _images(coco, ann_file)
    strange = {entry['image_id'] for entry in coco['annotations']} - set(images)
    if strange:
        raise UserError(
            f'{ann_file} annotates {len(strange)} images that it does not list, such as image_id '
            f'{min(strange, key=str)}'
        )
    present = {os.path.normpath(path) for path in list_images(folder, ('',))}
    places = {name: os.path.normpath(folder / name) for name, _ in images.values()}
    absent = [n for n, place in places.items() if place not in present and not isfile(place)]
    if absent:
        raise UserError(
            f'{len(absent)} of the {len(images)} images that {ann_file} lists are absent in '
            f'{folder}, first: {absent[0]}'
        )
    found.images = len(images)
    annotated = {entry['image_id'] for entry in coco['annotations']}
    used = {entry['category_id'] for entry in coco['annotations']}
    found.facts = {
        'categories': len(coco['categories']),
        'objects': len(coco['annotations']),
        'categories with objects': len(used),
        'images without objects': len(images) - len(annotated),
    }
    more = len(present - set(places.values()))
    if more:
        found.notes.append(f'{more:,} more images in {folder} than {ann_file.name} lists')
    shapeless = sum(not entry.get('segmentation') for entry in coco['annotations'])
    if shapeless:
        found.notes.append(f'{shapeless:,} objects without a mask (boxes only)')
    _open(list(images.values()), folder, ann_file, found, scan)
    return found


def _check_order(coco: dict, ann_file: Path, names: Sequence[str]) -> None:
    """mmdet numbers the labels in the file's order, and calls them by the config's."""
    in_file = [entry['name'] for entry in coco['categories'] if entry['name'] in names]
    for label, (theirs, ours) in enumerate(zip(in_file, names, strict=False)):
        if theirs != ours:
            raise UserError(
                f'{ann_file} lists its categories in another order than metainfo.classes: label '
                f'{label} would be {theirs!r} in the file and {ours!r} in the config'
            )


def _images(coco: dict, ann_file: Path) -> dict[int, tuple[str, tuple[int, int]]]:
    """Id -> file name and (width, height)."""
    try:
        images = {
            entry['id']: (entry['file_name'], (entry['width'], entry['height']))
            for entry in coco['images']
        }
        for entry in coco['annotations']:
            _ = entry['image_id'], entry['bbox']
    except (KeyError, TypeError) as error:
        raise UserError(f'{ann_file} is not a COCO instances json ({error!r})') from error
    if not images:
        raise UserError(f'{ann_file} lists no images')
    if len(images) != len(coco['images']):
        raise UserError(f'{ann_file} uses an image id more than once')
    return images


def _open(images: list, folder: Path, ann_file: Path, found: Found, scan: Scan) -> None:
    """Open a sample, and compare sizes: masks and boxes are in pixels of the listed size."""
    picked = scan.pick(images)
    found.sizes = open_images([folder / name for name, _ in picked], scan)
    for (name, size), opened in zip(picked, found.sizes, strict=True):
        if size != opened:
            raise UserError(
                f'{folder / name} has {opened[0]} x {opened[1]} pixels, but {ann_file} says '
                f'{size[0]} x {size[1]}: boxes and masks would not fit'
            )
