"""ImageNet: one folder per class, or a list of images with labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from mmmask.datasets.checks import IMAGE_EXTENSIONS, check_folder, class_folders, first_image
from mmmask.datasets.layouts.scan import Found, Scan, listed, open_images, require_files
from mmmask.errors import UserError

TREE = """
<data_root>/
  train/
    n01440764/*.JPEG     1000 folders named by class ids, sorted: their ranks are the labels
    ...
  val/
    n01440764/*.JPEG     the same folders: the validation images sorted into them
    ...
or, with lists:
  train/*.JPEG  val/*.JPEG  meta/train.txt  meta/val.txt     lines "<image> <label>"
"""

PUBLISHED = {'train': 1_281_167, 'val': 50_000}


def class_ids() -> list[str] | None:
    """The 1000 class ids, sorted, from the list that timm carries; None without timm."""
    package = find_spec('timm')
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / 'data/_info/imagenet_synsets.txt'
    return sorted(path.read_text().split()) if path.is_file() else None


def looks_like_imagenet(folder: Path) -> bool:
    """Whether a folder has class folders that are all named as ImageNet's."""
    classes = class_folders(folder) if folder.is_dir() else []
    return bool(classes) and all(re.fullmatch(r'n\d{8}', name) for name in classes)


def check_imagenet(folder: Path, split: str, num_classes: int, scan: Scan) -> Found:
    """One split of ImageNet, or of a part of its classes, as class folders.

    Args:
        folder: The split's folder.
        split: ``train`` or ``val``, for the published number.
        num_classes: Classes that the data set names.
        scan: How thorough to be.

    Raises:
        UserError: Another number of class folders, strange or empty ones, no folders at all, or
            broken images among the sample.
    """
    check_folder(folder, f'{split} images')
    classes = class_folders(folder)
    if not classes:
        raise UserError(
            f'{folder} holds images but no class folders: sort them into {folder}/<class id>/ (or '
            'write meta/val.txt with lines "<image> <label>")'
        )
    known = class_ids() if num_classes == 1000 else None
    strange = sorted(set(classes) - set(known or classes))
    absent = sorted(set(known or classes) - set(classes))
    if len(classes) != num_classes:
        first = f', {absent[0]} is missing' if absent else ''
        first += f', {strange[0]} is no class id' if strange else ''
        raise UserError(
            f'{folder} has {len(classes)} class folders, not {num_classes}{first}: labels are the '
            "folders' ranks"
        )
    if strange:
        raise UserError(
            f"{folder}: the folder {strange[0]} is none of ImageNet's class ids ({absent[0]} is "
            "missing): labels are the folders' ranks"
        )
    found = Found(facts=dict(classes=len(classes)))
    if num_classes == 1000:
        found.published = PUBLISHED.get(split)
    files = _files(folder, classes, found, scan)
    found.sizes = open_images(files, scan)
    return found


def check_image_list(
    ann_file: Path, folder: Path, split: str, num_classes: int, scan: Scan
) -> Found:
    """One split as a list of images with labels, lines ``<image> <label>``.

    Raises:
        UserError: A line is something else, a label is out of range, a class has no image, images
            are absent or broken.
    """
    files, labels = [], set()
    for number, line in enumerate(ann_file.read_text().splitlines(), start=1):
        name, _, label = line.strip().rpartition(' ')
        if not name or not label.isdigit():
            raise UserError(f'{ann_file}, line {number}: not "<image> <label>": {line!r}')
        if int(label) >= num_classes:
            raise UserError(
                f'{ann_file}, line {number}: label {label}, but {num_classes} classes have labels '
                f'0 to {num_classes - 1}'
            )
        files.append(folder / name)
        labels.add(int(label))
    if not files:
        raise UserError(f'{ann_file} is empty')
    if len(labels) != num_classes:
        absent = min(set(range(num_classes)) - labels)
        raise UserError(
            f'{ann_file} labels {len(labels)} of {num_classes} classes: {absent} has no image'
        )
    require_files(files, ann_file, scan)
    found = Found(len(files), facts=dict(classes=len(labels)))
    found.published = PUBLISHED.get(split) if num_classes == 1000 else None
    found.sizes = open_images(files, scan)
    return found


def _files(folder: Path, classes: Sequence[str], found: Found, scan: Scan) -> list[Path]:
    """Images to draw the sample from: all (and counted) in a thorough scan, else one per class."""
    files: list[Path] = []
    empty = []
    for name in scan.each('class folders listed', classes):
        if scan.thorough:
            images = listed(folder / name, IMAGE_EXTENSIONS)
        else:
            some = first_image(folder / name)
            images = [some] if some is not None else []
        files += images
        if not images:
            empty.append(name)
    if empty:
        raise UserError(f'no images in {len(empty)} class folders of {folder}, first: {empty[0]}')
    if scan.thorough:
        found.images = len(files)
    return files
