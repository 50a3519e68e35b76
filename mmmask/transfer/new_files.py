"""Writing files: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mmmask.errors import UserError


@contextmanager
def new_files(folder: Path) -> Iterator[Path]:
    """Files that appear together.

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
    """What the user takes from the permissions of new files; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
