"""Find and read the images that are shown."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict
from mmmask.datasets.tars import is_file
from mmmask.datasets.trees import open_tree
from mmmask.utils.errors import UserError
from mmmask.utils.files import IMAGE_EXTENSIONS
from mmmask.utils.picks import pick_evenly

from .overlay import enlarge


def find_images(names: Sequence[str], count: int | None = None) -> list[Path]:
    """Find image files.

    Args:
        names: Files, folders (with all that is below them) and patterns.
        count: At most so many images, evenly spaced; None: all.

    Returns:
        Each file once, in the order of the names, sorted within each.

    Raises:
        UserError: If a name stands for no image.
    """
    files: dict[Path, None] = {}
    for name in names:
        path = Path(name).expanduser()
        tree = open_tree(path)
        if is_file(str(path)) and path.suffix != '.tar':
            found = [path]
        elif tree.exists:
            images = tree.listing(extensions=(*IMAGE_EXTENSIONS, '.jpe')).images
            found = sorted(Path(tree.path(image)) for image in images)
        else:
            found = [Path(file) for file in sorted(glob.glob(str(path), recursive=True))]
            found = [file for file in found if file.is_file()]
        if not found:
            what = 'no image is in' if tree.exists else 'there is no'
            raise UserError(f"--images: {what} '{name}'.")
        files |= dict.fromkeys(found)
    files = list(files)
    return files if count is None else pick_evenly(files, count)


def pick_images(root: Path, pattern: str, count: int) -> list[Path]:
    """Return ``count`` evenly spaced files that match a pattern below a folder; one must."""
    files = sorted(path for path in root.glob(pattern) if path.is_file())
    if not files:
        raise UserError(f'no image matches {pattern}')
    return pick_evenly(files, count)


def read_image(path: str | Path, oriented: bool = True) -> np.ndarray:
    """Read an image file as (H, W, 3) uint8, RGB, as training reads it.

    Args:
        path: The file.
        oriented: Whether the image is turned as its EXIF tag says.

    Raises:
        UserError: If it can't be read.
    """
    try:
        color_type = 'color' if oriented else 'color_ignore_orientation'
        image = LoadImageStrict(color_type=color_type).decode(str(path))
        return np.ascontiguousarray(image[..., ::-1])
    except BrokenImageError as error:
        raise UserError(f"'{path}' can't be read as an image ({error.reason}).") from error


def read_square(path: str | Path, size: int) -> np.ndarray:
    """Read the central square of an image file, (size, size, 3) uint8, RGB, by `read_image`."""
    image = read_image(path)
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return enlarge(image[top : top + side, left : left + side], size)
