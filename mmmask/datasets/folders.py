"""Look at folders of images, and refuse those that are missing, empty or flat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from mmmask.datasets.trees import Tree, open_tree
from mmmask.utils.errors import UserError
from mmmask.utils.files import IMAGE_EXTENSIONS

DEMO_DATA = 'material_scenes'


def _shown(path: str | Path) -> str:
    """Return a path as an error names it, with the remedy for one of the embedded data."""
    if DEMO_DATA in Path(path).parts:
        return f'{path} (run mmmask prepare-demo)'
    return str(path) if Path(path).is_absolute() else f'{path} (that is {Path(path).absolute()})'


def check_folder(
    path: str | Path | Tree, what: str = 'images', extensions: Sequence[str] = IMAGE_EXTENSIONS
) -> None:
    """Refuse a folder that is missing, or holds no image at any depth.

    Args:
        path: The folder, or the tars in its place.
        what: Its use, as the message says it (``'training images'``).
        extensions: Endings of file names, in lower case.

    Raises:
        UserError: It doesn't, with what was found.
    """
    tree = path if isinstance(path, Tree) else open_tree(path)
    path = tree.root
    if not tree.exists and Path(path).exists():
        raise UserError(f'the {what} must be a folder, but this is a file: {path}')
    if not tree.exists:
        raise UserError(f'the folder of {what} does not exist: {_shown(path)}')
    if tree.first_image('', extensions) is None:
        entries = tree.count()
        found = f'{entries} other entries' if entries else 'it is empty'
        raise UserError(
            f'no {what} in {_shown(path)}: expected files {", ".join(extensions)}, found {found}'
        )


def check_class_folders(
    path: str | Path | Tree, extensions: Sequence[str] = IMAGE_EXTENSIONS
) -> list[str]:
    """Return the names of the class folders, each of which must hold an image.

    Args:
        path: The folder that holds them, or the tars in its place.
        extensions: Endings of file names, in lower case.

    Raises:
        UserError: The folder is missing, empty or flat, or a class has no image.
    """
    tree = path if isinstance(path, Tree) else open_tree(path)
    check_folder(tree, 'images', extensions)
    classes, path = tree.classes(), tree.root
    if not classes:
        raise UserError(
            f'{path} has no sub-folders, but labels come from them: expected {path}/<class>/<image>'
            ' (a list of lines "<image> <label>" is set as ann_file=meta/val.txt; images without '
            'labels need with_label=False)'
        )
    empty = [name for name in classes if tree.first_image(name, extensions) is None]
    if empty:
        raise UserError(f'no images in {len(empty)} class folders of {path}, first: {empty[0]}')
    return classes


def class_ids() -> list[str] | None:
    """Return ImageNet's 1000 class ids, sorted, from timm's list; None without timm."""
    package = find_spec('timm')
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / 'data/_info/imagenet_synsets.txt'
    return sorted(path.read_text().split()) if path.is_file() else None


def looks_like_imagenet(folder: Path) -> bool:
    """Return True if all class folders of a folder are named as ImageNet's."""
    try:
        classes = open_tree(folder).classes()
    except UserError:  # a tar that can't be read: who reads it says so
        return False
    return bool(classes) and all(re.fullmatch(r'n\d{8}', name) for name in classes)
