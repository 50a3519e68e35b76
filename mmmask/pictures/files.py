"""The images that are shown."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmmask.benchmark.figures.attention import square
from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jpe', '.bmp', '.webp', '.tif', '.tiff')


def find_images(names: Sequence[str], count: int | None = None) -> list[Path]:
    """Image files.

    Args:
        names: Files, folders (with what is in their folders) and patterns.
        count: At most so many, evenly spread over all; None: all.

    Returns:
        Each file once, in the order of the names, sorted within each.

    Raises:
        UserError: If a name stands for no image.
    """
    files: dict[Path, None] = {}
    for name in names:
        path = Path(name).expanduser()
        if path.is_file():
            found = [path]
        elif path.is_dir():
            found = [file for file in sorted(path.rglob('*')) if file.suffix.lower() in SUFFIXES]
        else:
            found = [Path(file) for file in sorted(glob.glob(str(path), recursive=True))]
            found = [file for file in found if file.is_file()]
        if not found:
            what = 'no image is in' if path.is_dir() else 'there is no'
            raise UserError(f"--images: {what} '{name}'.")
        files |= dict.fromkeys(found)
    files = list(files)
    return files if count is None else pick_evenly(files, count)


def read_square(path: Path, size: int) -> np.ndarray:
    """The central square of an image file, (size, size, 3) uint8, RGB.

    Raises:
        UserError: If it can't be read.
    """
    try:
        return square(path, size)
    except OSError as error:  # Pillow's errors are of this kind
        raise UserError(f"'{path}' can't be read as an image ({error}).") from error
