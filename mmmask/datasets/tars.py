"""Read single files of uncompressed tar files, by an index that is made once."""

from __future__ import annotations

import os
import tarfile
import zlib
from bisect import bisect_left
from functools import lru_cache
from io import BufferedReader, FileIO

import mmengine.fileio as fileio
import numpy as np

from mmmask.datasets.listings import encode_name, keep, pack_names, recall, unpack_names
from mmmask.utils.errors import UserError
from mmmask.utils.files import is_image
from mmmask.utils.progress import Progress

PACKED_ENDINGS = ('.tar.gz', '.tgz', '.tar.bz2', '.tbz2', '.tar.xz', '.txz', '.tar.zst')
_PACKED = {b'\x1f\x8b': 'gzip', b'BZh': 'bzip2', b'\xfd7zXZ': 'xz', b'\x28\xb5\x2f\xfd': 'zstd'}
_BLOCK = tarfile.BLOCKSIZE

Place = tuple[int, int, int]
"""Offset and size of a member's data, and the CRC-32 of the header block before them."""


def read_file(path: str, backend_args: dict | None = None) -> bytes:
    """Return the content of a file, which may be a member of a tar: ``train.tar/n01440764/x.JPEG``.

    Args:
        path: The file.
        backend_args: As in ``mmengine.fileio.get``.

    Raises:
        OSError: There is no such file.
        UserError: The tar can't be read, or has changed since it was listed.
    """
    member = None if backend_args else find_member(path)
    return fileio.get(path, backend_args) if member is None else member[0].read(member[1])


def is_file(path: str) -> bool:
    """Return True if a path is a file, or a member of a tar."""
    member = find_member(path)
    return os.path.isfile(path) if member is None else member[0].find(member[1]) is not None


def find_member(path: str) -> tuple[Tar, str] | None:
    """Split a path into a tar and the name of a member; None if it leads into no tar."""
    end = path.find('.tar/')
    while end >= 0:
        tar = path[: end + 4]
        if tar in _OPEN or os.path.isfile(tar):
            return _OPEN.get(tar) or open_tar(tar), path[end + 5 :]
        end = path.find('.tar/', end + 5)
    return None


def open_tar(path: str) -> Tar:
    """Return a tar with its index, which is made anew if the tar's size or time has changed."""
    status = os.stat(path)
    state = (status.st_size, status.st_mtime_ns)
    if path not in _OPEN or _OPEN[path].state != state:
        _OPEN[path] = Tar(path, state)
    return _OPEN[path]


class Tar:
    """A tar whose members are read at random.

    Each read compares the member's header with the one that was listed. So an index that doesn't
    belong to the tar gives an error, never another image.

    Args:
        path: The file.
        state: Its size, and the time of its last change in nanoseconds.

    Raises:
        UserError: The file is compressed, cut off, no tar, or holds links that lead out of it.
    """

    def __init__(self, path: str, state: tuple[int, int]) -> None:
        self.path, self.state = path, state
        kept = recall('tar', path)
        if not kept or tuple(kept['state'].tolist()) != state:
            members = _list_tar(path, state[0])
            names = sorted(members, key=encode_name)
            kept = dict(
                names=pack_names(names),
                places=np.array([members[name] for name in names], np.int64).reshape(-1, 3),
                state=np.array(state),
            )
            keep('tar', path, **kept)
        self._packed, self._places = kept['names'], kept['places']
        self._bytes = self._packed.tobytes()
        self._ends = np.flatnonzero(self._packed == 0)

    @property
    def names(self) -> list[str]:
        """The files and folders, without hidden ones; names of folders end in ``/``."""
        return unpack_names(self._packed)

    def find(self, name: str) -> Place | None:
        """Return the place of a file; None if the tar doesn't hold it."""
        wanted = encode_name(name)
        index = bisect_left(range(len(self._ends)), wanted, key=self._name)
        if index == len(self._ends) or self._name(index) != wanted or name.endswith('/'):
            return None
        return tuple(self._places[index].tolist())

    def _name(self, index: int) -> bytes:
        start = self._ends[index - 1] + 1 if index else 0
        return self._bytes[start : self._ends[index]]

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            OSError: The tar doesn't hold it.
            UserError: The tar has changed since it was listed.
        """
        place = self.find(name)
        if place is None:
            raise FileNotFoundError(f'{self.path} does not hold it')
        offset, size, mark = place
        handle = _handle(self.path, self.state)
        content = os.pread(handle.fileno(), _BLOCK + size, offset - _BLOCK)
        if len(content) != _BLOCK + size or zlib.crc32(content[:_BLOCK]) != mark:
            raise UserError(f'{self.path} has changed since it was listed: start again')
        return content[_BLOCK:]


_OPEN: dict[str, Tar] = {}
"""The tars of this process. Workers that are forked share their indices."""


@lru_cache(maxsize=64)  # one that falls out is closed when no thread reads from it
def _handle(path: str, state: tuple[int, int]) -> FileIO:
    return FileIO(path)


def refuse_packed(path: str) -> None:
    """Raise a `UserError` that says how to unpack a compressed tar."""
    with open(path, 'rb') as file:
        start = file.read(6)
    program = next((name for magic, name in _PACKED.items() if start.startswith(magic)), 'gzip')
    raise UserError(
        f'{path} is compressed, so no single image of it can be read: unpack it once to a plain '
        f'tar ({program} -dc {path} > NAME.tar)'
    )


def _list_tar(path: str, size: int) -> dict[str, Place]:
    """Return the visible files and folders of a tar; names of folders end in ``/``."""
    with open(path, 'rb') as file:
        if file.read(6).startswith(tuple(_PACKED)):
            refuse_packed(path)
        progress = Progress(f'MB of {path} listed', size >> 20)
        members, end = _list_members(file, path, 0, progress)
        file.seek(end)
        if file.read(1 << 20).strip(b'\0'):
            raise UserError(
                f'{path} goes on behind its end mark: tars that were joined by cat are read to the '
                'first end only. Put them side by side into a folder'
            )
    return {name: place for name, place in members.items() if not _hidden(name)}


def _hidden(name: str) -> bool:
    return name.startswith('.') or '/.' in name


def _list_members(
    file: BufferedReader, path: str, start: int, progress: Progress
) -> tuple[dict[str, Place], int]:
    """List a tar, and the tars in it if it holds nothing else.

    Args:
        file: Holds the tar.
        path: Its name, as messages say it; that of a tar inside ends with its name.
        start: Where in the file it starts.
        progress: Counts megabytes.

    Returns:
        The places of all members, links resolved, and the offset of the end mark.
    """
    members: dict[str, Place] = {}
    file.seek(start)
    try:
        tar = tarfile.TarFile(fileobj=file)
        while (member := tar.next()) is not None:
            tar.members.clear()  # of a million files they'd take gigabytes
            name = _plain(member.name)
            if (more := (member.offset_data >> 20) - progress.done) > 0:
                progress.advance(more)
            if name and member.isdir():
                members[f'{name}/'] = (0, 0, 0)
            elif member.issym() or (member.islnk() and _plain(member.linkname) not in members):
                if not _hidden(name):
                    raise UserError(
                        f'{path} holds {name} as a link to {member.linkname}: make the tar with '
                        'tar chf, which stores the files that links lead to'
                    )
            elif member.issparse():
                raise UserError(f'{path} holds {name} with holes: make the tar without --sparse')
            elif member.islnk():
                members[name] = members[_plain(member.linkname)]
            elif member.isreg():
                header = os.pread(file.fileno(), _BLOCK, member.offset_data - _BLOCK)
                members[name] = (member.offset_data, member.size, zlib.crc32(header))
        file.seek(tar.offset)
        if file.read(_BLOCK) != bytes(_BLOCK):  # the end mark
            raise tarfile.ReadError('no end mark')
    except tarfile.TarError as error:
        raise UserError(
            f'{path} is cut off or damaged after {len(members):,} files ({error}): copy it again'
            if members
            else f'{path} is no tar ({error})'
        ) from error
    stem = f'{os.path.basename(path).removesuffix(".tar")}/'
    if all(name.startswith(stem) for name in members):  # made by: tar cf train.tar train
        members = {name.removeprefix(stem): place for name, place in members.items()}
        members.pop('', None)
    others = any('/' in name or is_image(name) for name in members)
    inner = {name: place for name, place in members.items() if name.endswith('.tar')}
    if inner and not others:
        members = {}
        progress = Progress(progress.title, progress.total)  # these are the files to read
        for name, (offset, _, _) in inner.items():
            below, _ = _list_members(file, f'{path}/{name}', offset, progress)
            folder = f'{name.removesuffix(".tar")}/'
            members[folder] = (0, 0, 0)
            members |= {f'{folder}{member}': place for member, place in below.items()}
    return members, tar.offset


def _plain(name: str) -> str:
    """Return a member's name without what leads to the top: ``./a/b``, ``/a/b``, ``../a/b``."""
    return '/'.join(part for part in name.split('/') if part not in ('', '.', '..'))
