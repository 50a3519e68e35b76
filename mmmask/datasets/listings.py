"""List the files of a folder, and keep the listings of large ones between runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
from mmengine.logging import MMLogger

from mmmask.utils.errors import UserError
from mmmask.utils.files import visible_entries, write_atomically

KEPT_FROM = 10_000
"""A folder with fewer files is listed each time: that takes milliseconds."""

SETTLED = 3e9
"""Nanoseconds for which a folder must have stayed the same before its listing is kept: a change
within one tick of the file system's clock wouldn't show."""


def list_files(root: str) -> list[str]:
    """Return the files and folders at any depth of a folder, hidden ones left out.

    A kept listing is used if no folder has changed: each has the inode and the times that it had.
    A file that comes, goes or gets another name changes its folder's times.

    Args:
        root: The folder.

    Returns:
        Names relative to the root, sorted as texts. Those of folders end in ``/``.
    """
    kept = recall('folder', root)
    if kept:
        names = unpack_names(kept['names'])
        below = [name for name in names if name.endswith('/')]
        try:
            now = [_state(os.stat(os.path.join(root, name))) for name in ('', *below)]
        except OSError:  # a folder is gone
            now = []
        if np.array_equal(kept['states'], now):
            return names
    start = time.time_ns()
    names, folders = [], {}
    surely = True
    skipped = len(os.path.join(root, ''))
    for path, kind in visible_entries(root):
        if isinstance(kind, os.stat_result):
            folders[path[skipped:]] = kind
        elif kind:
            names.append(path[skipped:])
        else:  # a link to nowhere: a file that comes there changes no folder
            surely = False
    surely &= all(max(_state(folder)[1:]) < start - SETTLED for folder in folders.values())
    surely &= _have_times({folder.st_dev for folder in folders.values()})
    if surely and len(names) >= KEPT_FROM:
        states = np.array([_state(folders[name]) for name in sorted(folders)])
        keep('folder', root, names=pack_names(sorted([*names, *folders])[1:]), states=states)
    return sorted([*names, *folders])[1:]  # without the root


def _state(folder: os.stat_result) -> tuple[int, int, int]:
    return folder.st_ino, folder.st_mtime_ns, folder.st_ctime_ns


def _have_times(devices: set[int]) -> bool:
    """Return False if a file system is FUSE's, as a mounted object store: times may stand still."""
    try:
        lines = Path('/proc/self/mountinfo').read_text(errors='replace').splitlines()
    except OSError:  # not Linux
        return True
    fuse = {line.split()[2] for line in lines if line.partition(' - ')[2].startswith('fuse')}
    return not fuse & {f'{os.major(device)}:{os.minor(device)}' for device in devices}


def recall(kind: str, path: str) -> dict[str, np.ndarray]:
    """Return the arrays that were kept for a path; none if there are none, or damaged ones."""
    try:
        with np.load(_file(kind, path)) as arrays:
            return dict(arrays)
    except (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile):
        return {}


def keep(kind: str, path: str, **arrays: np.ndarray) -> None:
    """Keep arrays for a path. Where nothing can be written, a warning says so."""

    def save(part: Path) -> None:
        with open(part, 'wb') as file:
            np.savez(file, **arrays)

    try:
        file = _file(kind, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, save, to_disk=False)
    except (OSError, RuntimeError, UserError) as error:
        MMLogger.get_current_instance().warning(
            f'the listing of {path} is not kept, so each start makes it anew: {error} '
            '(XDG_CACHE_HOME sets another folder)'
        )


def forget() -> None:
    """Delete all kept listings."""
    shutil.rmtree(_folder(), ignore_errors=True)


def _folder() -> Path:
    cache = os.environ.get('XDG_CACHE_HOME')
    return (Path(cache) if cache else Path.home() / '.cache') / 'mmmask' / 'listings'


def _file(kind: str, path: str) -> Path:
    real = os.path.realpath(path)
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:24]
    return _folder() / f'{os.path.basename(real)[:60]}-{kind}-{digest}.npz'


def pack_names(names: list[str]) -> np.ndarray:
    """Return names as bytes, each with a zero byte at its end; (N,) uint8."""
    return np.frombuffer(encode_name(''.join(f'{name}\0' for name in names)), np.uint8)


def encode_name(name: str) -> bytes:
    """Return a name as bytes, also one that isn't UTF-8."""
    return name.encode('utf-8', 'surrogateescape')


def unpack_names(packed: np.ndarray) -> list[str]:
    """Return the names that `pack_names` packed."""
    return packed.tobytes().decode('utf-8', 'surrogateescape').split('\0')[:-1]
