"""ImageNet: one folder per class, or a list of images with labels."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from mmmask.datasets.checks import class_folders, require_class_folders
from mmmask.datasets.layouts.scan import Found, Scan, class_images, open_images, require_files
from mmmask.utils.errors import UserError

TREE = """
<data_root>/
  train/
    n01440764/*.JPEG     1000 folders named by class ids, sorted: their ranks are the labels
    ...
  val/
    n01440764/*.JPEG     the same folders: the validation images sorted into them
    ...
or, unsorted:
  val/*.JPEG             with meta/val.txt, lines "<image> <label>", in the config
                         val_dataloader.dataset.ann_file=meta/val.txt (and test_dataloader)
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
    """Return True if all class folders of a folder are named as ImageNet's."""
    classes = class_folders(folder) if folder.is_dir() else []
    return bool(classes) and all(re.fullmatch(r'n\d{8}', name) for name in classes)


def check_imagenet(folder: Path, split: str, num_classes: int, scan: Scan) -> Found:
    """One split of ImageNet, or of a part of its classes, as class folders.

    Args:
        folder: The split's folder.
        split: ``train`` or ``val``: what the images are named, and their published number.
        num_classes: Classes that the data set names.
        scan: How thorough to be.

    Raises:
        UserError: Another number of class folders, strange or empty ones, no folders at all,
            validation images among those of the training, or broken images among the sample.
    """
    classes = require_class_folders(folder, f'{split} images')
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
    found = Found(facts=dict(classes=len(classes)), classes=classes)
    if num_classes == 1000:
        found.published = PUBLISHED.get(split)
    files = class_images(folder, classes, found, scan)
    validation = [path for path in files if path.name.startswith('ILSVRC2012_val_')]
    if split == 'train' and validation:
        raise UserError(
            f'{folder} holds validation images, such as {validation[0].name}: are the folders of '
            'training and validation swapped?'
        )
    found.sizes = open_images(files, scan)
    return found


def check_image_list(
    ann_file: Path, folder: Path, split: str, num_classes: int | None, scan: Scan
) -> Found:
    """One split as a list of images with labels, lines ``<image> <label>``.

    Args:
        ann_file: The list.
        folder: Where the images are.
        split: ``train`` or ``val``, for ImageNet's published number.
        num_classes: Classes that the data set names or the model has; None: any number.
        scan: How thorough to be.

    Raises:
        UserError: A line is something else, a label is out of range, images are absent or broken.
    """
    files, labels = [], set()
    for number, line in enumerate(ann_file.read_text().splitlines(), start=1):
        name, _, label = line.strip().rpartition(' ')
        if not name or not label.isdigit():
            raise UserError(f'{ann_file}, line {number}: not "<image> <label>": {line!r}')
        if num_classes is not None and int(label) >= num_classes:
            raise UserError(
                f'{ann_file}, line {number}: label {label}, but {num_classes} classes have labels '
                f'0 to {num_classes - 1}'
            )
        files.append(folder / name)
        labels.add(int(label))
    found = _listed_images(ann_file, files, scan)
    found.facts['classes'] = len(labels)
    if num_classes == 1000:
        found.published = PUBLISHED.get(split)
    if num_classes is not None and len(labels) < num_classes:
        absent = min(set(range(num_classes)) - labels)
        found.notes.append(
            f'{ann_file} labels {len(labels)} of {num_classes} classes: {absent} has no image'
        )
    return found


def check_unlabelled_list(ann_file: Path, folder: Path, scan: Scan) -> Found:
    """A list of images without labels, one in each line.

    Raises:
        UserError: It is empty, or images are absent or broken.
    """
    return _listed_images(ann_file, [folder / n for n in ann_file.read_text().splitlines()], scan)


def _listed_images(ann_file: Path, files: list[Path], scan: Scan) -> Found:
    if not files:
        raise UserError(f'{ann_file} is empty')
    require_files(files, ann_file, scan)
    return Found(len(files), sizes=open_images(files, scan))
