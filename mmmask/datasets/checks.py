"""Checks of a user's data before anything is trained. Plain values in, `UserError` out.

Only the standard library is imported at the top, so that the launchers can afford these checks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from mmmask.utils.errors import UserError
from mmmask.utils.files import IMAGE_EXTENSIONS, list_images

DEMO_DATA = 'material_scenes'
LARGE = 64_000_000
"""Bytes from which reading an annotation file takes seconds."""


def _shown(path: str | Path) -> str:
    """A path as an error names it, with the remedy where the path is the embedded data's."""
    if DEMO_DATA in Path(path).parts:
        return f'{path} (run mmmask prepare-demo)'
    return str(path) if Path(path).is_absolute() else f'{path} (that is {Path(path).absolute()})'


def first_image(folder: str | Path, extensions: Sequence[str] = IMAGE_EXTENSIONS) -> Path | None:
    """Return an image below a folder; its own files come first, and aren't listed to the end."""
    with os.scandir(folder) as entries:
        for entry in entries:
            hidden = entry.name.startswith('.')
            if not hidden and entry.name.lower().endswith(tuple(extensions)) and entry.is_file():
                return Path(entry.path)
    return next(list_images(folder, extensions), None)


def check_folder(
    path: str | Path, what: str = 'images', extensions: Sequence[str] = IMAGE_EXTENSIONS
) -> None:
    """A folder must exist and hold at least one image, at any depth.

    Args:
        path: The folder.
        what: What it is for, as the message says it (``'training images'``).
        extensions: Endings of file names, in lower case.

    Raises:
        UserError: It doesn't, with what was found.
    """
    folder = Path(path)
    if not folder.exists():
        raise UserError(f'the folder of {what} does not exist: {_shown(path)}')
    if not folder.is_dir():
        raise UserError(f'the {what} must be a folder, but this is a file: {path}')
    if first_image(folder, extensions) is None:
        entries = sum(1 for _ in folder.iterdir())
        found = f'{entries} other entries' if entries else 'it is empty'
        raise UserError(
            f'no {what} in {_shown(path)}: expected files {", ".join(extensions)}, found {found}'
        )


def class_folders(path: str | Path) -> list[str]:
    """Names of the sub-folders of an ImageNet-style folder, sorted: the classes."""
    return sorted(entry.name for entry in os.scandir(path) if entry.is_dir())


def require_class_folders(
    path: str | Path, what: str = 'images', extensions: Sequence[str] = IMAGE_EXTENSIONS
) -> list[str]:
    """Names of the class folders, of which there must be some; arguments as in `check_folder`.

    Raises:
        UserError: The folder is missing, empty or flat.
    """
    check_folder(path, what, extensions)
    classes = class_folders(path)
    if not classes:
        raise UserError(
            f'{path} has no sub-folders, but labels come from them: expected {path}/<class>/<image>'
            ' (a list of lines "<image> <label>" is set as ann_file=meta/val.txt; images without '
            'labels need with_label=False)'
        )
    return classes


def check_class_folders(
    path: str | Path,
    num_classes: int | None = None,
    what: str = 'images',
    extensions: Sequence[str] = IMAGE_EXTENSIONS,
) -> None:
    """An ImageNet-style folder: one sub-folder per class, each with at least one image.

    Args:
        path: The folder.
        num_classes: Classes that the model has; None if any number will do.
        what: What the folder is for, as the message says it.
        extensions: Endings of file names, in lower case.

    Raises:
        UserError: The folder is missing, empty, flat, or has another number of classes.
    """
    classes = require_class_folders(path, what, extensions)
    empty = [name for name in classes if first_image(Path(path, name), extensions) is None]
    if empty:
        raise UserError(f'no {what} in {len(empty)} class folders of {path}, first: {empty[0]}')
    if num_classes is not None:
        check_class_count(path, classes, num_classes)


def check_class_count(path: str | Path, classes: Sequence[str], num_classes: int) -> None:
    """A model must have as many classes as there are class folders.

    Raises:
        UserError: It hasn't; the message names hidden folders, which count as classes, or all of
            a few.
    """
    if len(classes) == num_classes:
        return
    hidden = ', '.join(name for name in classes if name.startswith('.'))
    few = ', '.join(classes) if len(classes) <= 3 else ''
    remark = f' (hidden: {hidden})' if hidden else f' ({few})' if few else ''
    raise UserError(
        f'{path} has {len(classes)} class folders{remark}, but the model has {num_classes} '
        'classes: make num_classes and the folder agree'
    )


def check_num_classes(class_names: Sequence[str], num_classes: int) -> None:
    """A model must have as many classes as the data set has names.

    Raises:
        UserError: It doesn't.
    """
    if len(class_names) != num_classes:
        raise UserError(
            f'the model has num_classes={num_classes}, but the data set names {len(class_names)} '
            'classes: make num_classes and metainfo.classes agree'
        )


def read_coco(ann_file: str | Path, labelled: bool = True) -> dict:
    """Content of a COCO instances json.

    Args:
        ann_file: The file. Where it is large, a line in the log says that it is read.
        labelled: Whether it must have annotations: a test set's needn't.

    Raises:
        UserError: It is missing, unreadable, or lacks categories or annotations.
    """
    try:
        announce(Path(ann_file))
        coco = json.loads(Path(ann_file).read_text())
        _ = {c['id']: c['name'] for c in coco['categories']}
        if not labelled:
            coco.setdefault('annotations', [])
        _ = {annotation['category_id'] for annotation in coco['annotations']}
    except FileNotFoundError:
        raise UserError(f'the annotation file does not exist: {_shown(ann_file)}') from None
    except OSError as error:
        raise UserError(f'{ann_file} cannot be read: {error.strerror}') from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f'{ann_file} is not a COCO instances json ({error!r})') from error
    return coco


def announce(path: Path) -> None:
    """Log that a large file is read to be checked."""
    from mmengine.logging import MMLogger

    size = path.stat().st_size
    if size >= LARGE:
        MMLogger.get_current_instance().info(f'checking {path}: {size / 1e6:.0f} MB are read')


def check_coco_content(
    coco: dict,
    ann_file: str | Path,
    class_names: Sequence[str],
    allow_subset: bool = False,
    labelled: bool = True,
) -> None:
    """The classes of a data set and of its COCO file must be the same.

    Args:
        coco: What :func:`read_coco` read.
        ann_file: Where from, for messages.
        class_names: ``metainfo.classes`` of the data set, in the order of the labels.
        allow_subset: Whether the file may hold categories that ``class_names`` leaves out.
        labelled: Whether it must have annotations.

    Raises:
        UserError: They aren't, or annotations are missing or of unnamed categories.
    """
    categories = {c['id']: c['name'] for c in coco['categories']}
    used = {annotation['category_id'] for annotation in coco['annotations']}
    if labelled and not used:
        raise UserError(f'{ann_file} holds no annotations')
    strange = used - set(categories)
    if strange:
        raise UserError(f'{ann_file} annotates category ids it does not name: {sorted(strange)}')
    missing = [name for name in class_names if name not in categories.values()]
    if missing:
        raise UserError(
            f'{ann_file} has no category {missing[0]!r} ({len(missing)} of the {len(class_names)} '
            f'names in metainfo.classes are missing; the file has {len(categories)}, '
            f'such as {next(iter(categories.values()))!r})'
        )
    surplus = [name for name in categories.values() if name not in class_names]
    if surplus and not allow_subset:
        raise UserError(
            f'{ann_file} has {len(categories)} categories, but metainfo.classes names '
            f'{len(class_names)}: {surplus[0]!r} is left out (to learn only '
            'some of the categories, set metainfo.subset=True in the data set)'
        )


def check_label_map(
    path: Path, num_classes: int, reduce_zero_label: bool, ignore_index: int = 255
) -> tuple[set[int], set[int]]:
    """The values of one label map, which must be those that a segmenter's classes stand for.

    Args:
        path: The map.
        num_classes: Classes of the segmenter's head.
        reduce_zero_label: Whether value 0 is ignored and k stands for class k - 1.
        ignore_index: Value of pixels that don't count.

    Returns:
        Values that stand for classes, and the others.

    Raises:
        UserError: It has a value that stands for nothing, or can't be read.
    """
    first = 1 if reduce_zero_label else 0
    classes = set(range(first, first + num_classes))
    ignored = {ignore_index} | ({0} if reduce_zero_label else set())
    values = label_values(path)
    strange = values - classes - ignored
    if strange:
        raise UserError(
            f'{path} has label {max(strange)}, but num_classes={num_classes} allows '
            f'{first} to {first + num_classes - 1} (and ignores {sorted(ignored)})'
        )
    return values & classes, values - classes


def label_values(path: Path) -> set[int]:
    """The distinct values of one label map."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as image:
            labels = np.asarray(image)
    except (OSError, SyntaxError) as error:
        raise UserError(f'{path} is not a readable label map ({error})') from error
    if labels.ndim != 2:
        raise UserError(f'{path} is no label map: it has {labels.shape[-1]} channels, not one')
    return set(np.unique(labels).tolist())
