"""Write files completely or not at all, and list those of a folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmmask.utils.errors import UserError

IMAGE_EXTENSIONS = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')


def is_image(name: str) -> bool:
    """Return True if a name ends as an image's, compared without case."""
    return name.lower().endswith(IMAGE_EXTENSIONS)


def list_images(folder: str | Path, extensions: Sequence[str] = IMAGE_EXTENSIONS) -> Iterator[Path]:
    """Yield the image files at any depth of a folder, hidden ones left out, in no order.

    Args:
        folder: Links to folders below it are followed, but not to a folder that holds them.
        extensions: Endings of file names, compared without case.
    """
    endings = tuple(extension.lower() for extension in extensions)
    for path, kind in visible_entries(str(folder)):
        if kind is True and path.lower().endswith(endings):
            yield Path(path)


def visible_entries(folder: str, above: tuple = ()) -> Iterator[tuple[str, os.stat_result | bool]]:
    """Yield the entries of a folder, at any depth.

    Hidden entries are left out. Links are followed, but not to a folder that holds the link.

    Yields:
        The path of an entry, and for a folder its state, for a file True, for what is neither, such
        as a link to nowhere, False. Paths of folders end in ``/``; each comes before its entries.
    """
    stat = os.stat(folder)
    above = (*above, (stat.st_dev, stat.st_ino))
    if above[-1] in above[:-1]:
        return
    yield os.path.join(folder, ''), stat
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith('.'):
                continue
            if entry.is_dir():
                yield from visible_entries(entry.path, above)
            else:
                yield entry.path, entry.is_file()


def read_lines(path: str | Path) -> list[str]:
    """Return the lines of a list, without blank ones and without space around them."""
    lines = Path(path).read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip()]


def write_atomically(path: str | Path, write: Callable[[Path], None], to_disk: bool = True) -> None:
    """Let ``write`` fill a file beside ``path``, force it to the disk, then move it to ``path``.

    Whoever is killed or fails in the middle leaves the previous ``path`` as it was. A failed write,
    as on a full disk, leaves no part.

    Args:
        path: Where the file is to be.
        write: Gets the temporary path and writes the whole content there.
        to_disk: Wait until the disk has the file, so that it survives a power cut. Such a file has
            one writer, whose next try replaces the part of a killed one. Otherwise several
            processes may write the same file at once.

    Raises:
        UserError: If the system doesn't let the file be written.
    """
    path = Path(path)
    part = path.with_name(f'.{path.name}.part' if to_disk else f'.{path.name}.{os.getpid()}.part')
    try:
        write(part)
        if to_disk:
            with open(part, 'rb') as file:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f'{path} cannot be written: {error.strerror or error}.') from error
        raise


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write a text as :func:`write_atomically` does."""
    write_atomically(path, lambda part: part.write_text(text, encoding='utf-8'))


def write_json(path: Path, content: Any) -> None:
    """Write JSON as :func:`write_atomically` does, in a folder that is made if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, json.dumps(content, indent=1) + '\n')


@contextmanager
def new_files(folder: Path) -> Iterator[Path]:
    """Let files of a folder appear together.

    Args:
        folder: Where; it is made if there is none.

    Yields:
        A folder to write them into. They are moved when the block ends, and gone if it raises.

    Raises:
        UserError: If nothing can be written there, or not as much.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix='.new-', dir=folder) as aside:
            yield Path(aside)
            for path in sorted(Path(aside).iterdir()):
                path.chmod(0o666 & ~_umask())  # safetensors makes files for their owner only
                path.replace(folder / path.name)
    except FileExistsError as error:
        raise UserError(f"'{error.filename}' is no folder: choose another --out.") from error
    except OSError as error:
        raise UserError(
            f"Nothing can be written to '{folder}': {error.strerror or error}."
        ) from error


def _umask() -> int:
    """Return the permissions that new files lack; the system shows them only while setting them."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256_of_file(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_remote(path: str) -> bool:
    """Return True if a path has one of mmengine's schemes, such as ``https://``."""
    return '://' in path
