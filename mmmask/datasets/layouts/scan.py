"""Say how thorough a check is, hold its findings, and open a sample of images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mmmask.utils.errors import UserError
from mmmask.utils.files import IMAGE_EXTENSIONS, list_images
from mmmask.utils.progress import Progress

T = TypeVar('T')


@dataclass(frozen=True)
class Scan:
    """The thoroughness of a check.

    Attributes:
        sample: Files of each kind that are opened, evenly spaced; None opens all.
        thorough: Whether every file is looked for. Before a run a sample is, so that full-size
            data take seconds.
        progress: Makes a progress from a title and a total; None shows nothing.
    """

    sample: int | None = 8
    thorough: bool = False
    progress: Callable[[str, int], Progress] | None = None

    def pick(self, items: Sequence[T]) -> list[T]:
        """The sample: the first, and so on in even steps."""
        if self.sample is None or len(items) <= self.sample:
            return list(items)
        return [items[index * len(items) // self.sample] for index in range(self.sample)]

    def each(self, title: str, items: Sequence[T]) -> Iterable[T]:
        """All of ``items``, with progress."""
        progress = self.progress(title, len(items)) if self.progress else None
        for item in items:
            yield item
            if progress is not None:
                progress.advance(1)


QUICK = Scan()
"""What is affordable before every run."""


@dataclass
class Found:
    """The content of one split of a data set.

    Attributes:
        images: Number of images; None where a quick check didn't count them.
        published: The published number of images; None where it is unknown.
        facts: Other numbers by name, as they are printed.
        notes: What is unusual but no error.
        sizes: Width and height of each opened image as it is displayed, in pixels.
        classes: What the labels are the ranks of, in their order: names of class folders, or ids.
            Empty where labels don't depend on what is there.
    """

    images: int | None = None
    published: int | None = None
    facts: dict[str, int | str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    def differs(self) -> str | None:
        """The sentence about another number of images than the published one, if it is so."""
        if self.published is None or self.images in (None, self.published):
            return None
        return f'{self.images:,} images, but the published split has {self.published:,}'


def open_images(files: Sequence[Path], scan: Scan) -> list[tuple[int, int]]:
    """Decode a sample of images.

    Args:
        files: Images, of which ``scan`` picks some.
        scan: How many.

    Returns:
        ``(width, height)`` in pixels of each picked image as it is displayed: loaders turn an image
        as its EXIF orientation says.

    Raises:
        UserError: Some can't be decoded: how many, and why the first can't.
    """
    picked = scan.pick(files)
    progress = scan.progress('images opened', len(picked)) if scan.progress else None
    sizes, broken, batch = [], [], 256
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(picked), batch):
            part = picked[start : start + batch]
            for path, result in zip(part, pool.map(_size, part), strict=True):
                if isinstance(result, str):
                    broken.append((path, result))
                else:
                    sizes.append(result)
            if progress is not None:
                progress.advance(len(part))
    if broken:
        path, reason = broken[0]
        raise UserError(
            f'{len(broken)} of {len(picked)} images that were opened are broken, first: {path} '
            f'({reason}): mend or replace them'
        )
    return sizes


def _size(path: Path) -> tuple[int, int] | str:
    """Width and height of a whole image, or what is wrong with it."""
    from PIL import ExifTags, Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
            return image.size[::-1] if turned else image.size
    except UnidentifiedImageError:
        return 'not an image'
    except FileNotFoundError:
        return 'no such file'
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ...
        return str(error).replace('\n', ' ') or type(error).__name__


def require_files(files: Sequence[Path], named_by: str | Path, scan: Scan) -> None:
    """Images that a list names must exist: all of them if the scan is thorough, else a sample.

    Raises:
        UserError: Some don't: how many, and the first.
    """
    looked_at = list(files) if scan.thorough else scan.pick(files)
    missing = [path for path in scan.each('images looked for', looked_at) if not path.is_file()]
    if missing:
        raise UserError(
            f'{len(missing)} of {len(looked_at)} images that {named_by} names are absent, first: '
            f'{missing[0]}'
        )


def class_images(folder: Path, classes: Sequence[str], found: Found, scan: Scan) -> list[Path]:
    """Images in class folders, counted in ``found``: all, or in a quick scan one of each class.

    Raises:
        UserError: A class has none.
    """
    files: list[Path] = []
    empty = []
    found.images = 0
    for name in scan.each('class folders listed', classes):
        names = [] if scan.thorough else _image_names(folder / name)
        images = [folder / name / names[0]] if names else sorted(list_images(folder / name))
        if not images:
            empty.append(name)
        found.images += len(names or images)
        files += images
    if empty:
        raise UserError(f'no images in {len(empty)} class folders of {folder}, first: {empty[0]}')
    return files


def _image_names(folder: Path) -> list[str]:
    """Images in a folder itself: a million names take a second, paths several."""
    return [
        name
        for name in os.listdir(folder)
        if name.lower().endswith(IMAGE_EXTENSIONS) and not name.startswith('.')
    ]
