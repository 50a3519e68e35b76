"""Files that are there completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: str | Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, force it to the disk, then move it to ``path``.

    Whoever is killed in the middle leaves the previous ``path`` as it was.

    Args:
        path: Where the file is to be.
        write: Gets the temporary path and writes the whole content there.
    """
    path = Path(path)
    part = path.with_name(f'.{path.name}.part')
    write(part)
    with open(part, 'rb') as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def write_text_atomically(path: str | Path, text: str) -> None:
    """:func:`write_atomically` for a text."""
    write_atomically(path, lambda part: part.write_text(text, encoding='utf-8'))
