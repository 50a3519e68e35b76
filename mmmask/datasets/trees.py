"""Show a folder, a tar or a folder of tars as one tree of files."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmmask.datasets.listings import list_files
from mmmask.datasets.tars import PACKED_ENDINGS, open_tar, refuse_packed
from mmmask.utils.errors import UserError
from mmmask.utils.files import IMAGE_EXTENSIONS, is_image, list_images
from mmmask.utils.progress import Progress


@dataclass(frozen=True)
class Listing:
    """The files of a folder, at any depth, hidden ones left out.

    Attributes:
        images: Names relative to the tree's root, sorted as texts.
        others: How many files have each other ending.
    """

    images: list[str]
    others: Counter[str]


class Tree:
    """The files below a folder.

    Args:
        root: The folder.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    @cached_property
    def names(self) -> list[str]:
        """The files and folders at any depth, sorted; names of folders end in ``/``."""
        return list_files(self.root)

    @property
    def exists(self) -> bool:
        """True if there is such a folder."""
        return os.path.isdir(self.root)

    def listed(self) -> Tree:
        """List all files at once, if there are any, so that no folder is looked into again."""
        if self.exists:
            _ = self.names
        return self

    def path(self, name: str) -> str:
        """Return the path of a file, as `read_file` takes it."""
        return os.path.join(self.root, name)

    def count(self) -> int:
        """Return the number of entries at the top."""
        return len(os.listdir(self.root))

    def classes(self) -> list[str]:
        """Return the names of the folders at the top, sorted."""
        if not self.exists:
            return []
        return sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())

    def listing(self, folder: str = '', extensions: Sequence[str] = IMAGE_EXTENSIONS) -> Listing:
        """List the images below a folder at the top, or all, and count the other files."""
        endings = tuple(extension.lower() for extension in extensions)
        images, others = [], Counter()
        for name in self._below(folder):
            if name.lower().endswith(endings):
                images.append(name)
            elif not name.endswith('/'):
                others[os.path.splitext(name)[1].lower() or 'no ending'] += 1
        return Listing(images, others)

    def first_image(
        self, folder: str = '', extensions: Sequence[str] = IMAGE_EXTENSIONS
    ) -> str | None:
        """Return the path of an image below a folder at the top, or of any; None without one."""
        endings = tuple(extension.lower() for extension in extensions)
        if 'names' in vars(self):
            below = self._below(folder)
            name = next((name for name in below if name.lower().endswith(endings)), None)
            return None if name is None else self.path(name)
        # A folder's own files come first, and aren't listed to the end.
        with os.scandir(self.path(folder)) as entries:
            for entry in entries:
                name = entry.name.lower()
                if not name.startswith('.') and name.endswith(endings) and entry.is_file():
                    return entry.path
        found = next(list_images(self.path(folder), extensions), None)
        return None if found is None else str(found)

    def _below(self, folder: str) -> list[str]:
        if not folder:
            return self.names
        if folder.startswith('.'):  # a hidden class is none of the names
            return [f'{folder}/{name}' for name in list_files(self.path(folder))]
        start = bisect_left(self.names, f'{folder}/')
        return self.names[start : bisect_left(self.names, f'{folder}0', start)]  # 0 follows /


class TarTree(Tree):
    """The files of a tar, or of a folder in it.

    Args:
        tar: The tar.
        inside: The folder; ``''`` for all.
    """

    def __init__(self, tar: str, inside: str = '') -> None:
        super().__init__(os.path.join(tar, inside) if inside else tar)
        self.tar, self.inside = tar, inside

    @cached_property
    def names(self) -> list[str]:
        """The files and folders at any depth, sorted; names of folders end in ``/``."""
        names = sorted(open_tar(self.tar).names)
        above = f'{self.inside}/'
        if not self.inside:
            return names
        return [name[len(above) :] for name in names if name.startswith(above) and name != above]

    @property
    def exists(self) -> bool:
        """True if the tar has such a folder."""
        return not self.inside or bool(self.names)

    def count(self) -> int:
        """Return the number of entries at the top."""
        return len({name.partition('/')[0] for name in self.names})

    def classes(self) -> list[str]:
        """Return the names of the folders at the top, sorted."""
        return sorted({name.partition('/')[0] for name in self.names if '/' in name})

    def first_image(
        self, folder: str = '', extensions: Sequence[str] = IMAGE_EXTENSIONS
    ) -> str | None:
        """Return the path of an image below a folder at the top, or of any; None without one."""
        self.listed()
        return super().first_image(folder, extensions)


class TarsTree(TarTree):
    """The files of all tars in a folder, as if unpacked side by side.

    A tar whose images lie at its top is a folder of the tar's name. Another one adds its folders.

    Args:
        root: The folder.
        tars: Names of the tars in it.
    """

    def __init__(self, root: str, tars: Sequence[str]) -> None:
        super().__init__(root)
        self.tars = tars

    @cached_property
    def _paths(self) -> dict[str, str]:
        paths: dict[str, str] = {}
        progress = Progress('tars listed', len(self.tars))
        for tar in self.tars:
            names = open_tar(os.path.join(self.root, tar)).names
            images = [name for name in names if is_image(name)]
            top = [name for name in images if '/' not in name]
            folders = [name for name in images if '/' in name]
            if top and folders:
                raise UserError(
                    f'{os.path.join(self.root, tar)} holds images at its top ({top[0]}) and in '
                    f'folders ({folders[0]}): make one tar for each folder'
                )
            above = '' if folders else f'{tar.removesuffix(".tar")}/'
            paths[above] = tar  # a class of its own, also if it is empty
            for name in names:
                shown = f'{above}{name}'
                if shown in paths and '/' in name and not name.endswith('/'):
                    raise UserError(
                        f'two tars of {self.root} hold {name}: {paths[shown]} and {tar}/{name}'
                    )
                paths[shown] = f'{tar}/{name}'
            progress.advance(1)
        paths.pop('', None)
        return paths

    @cached_property
    def names(self) -> list[str]:
        """The files and folders at any depth, sorted; names of folders end in ``/``."""
        return sorted(self._paths)

    def path(self, name: str) -> str:
        """Return the path of a file, as `read_file` takes it."""
        return os.path.join(self.root, self._paths.get(name, name))


def _tars_in(folder: str) -> list[str]:
    """Return the names of a folder's tars, sorted; none where folders or images are beside them.

    Raises:
        UserError: One is compressed.
    """
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith('.'):
                continue
            if entry.is_dir() or is_image(entry.name):
                return []
            names.append(entry.name)
    if packed := sorted(name for name in names if name.endswith(PACKED_ENDINGS)):
        refuse_packed(os.path.join(folder, packed[0]))
    return sorted(name for name in names if name.endswith('.tar'))


def open_tree(root: str | Path) -> Tree:
    """Find the files that a folder's path stands for.

    - A path of a tar or into one is that tar, or the folder in it: ``data/imagenet.tar/train``.
    - Where a folder is absent but a tar of its name is there, it is the tar: ``data/train`` is
      ``data/train.tar``.
    - A folder that holds tars, but neither folders nor images, is what the tars hold.

    Raises:
        UserError: Only compressed tars are there.
    """
    root = str(root)
    for folder in (Path(root), *Path(root).parents):
        if folder.is_dir():
            break
        inside = Path(root).relative_to(folder).as_posix()
        for tar in (str(folder), f'{folder}.tar'):
            if tar.endswith('.tar') and os.path.isfile(tar):
                return TarTree(tar, '' if inside == '.' else inside)
        for packed in (str(folder), *(f'{folder}{ending}' for ending in PACKED_ENDINGS)):
            if packed.endswith(PACKED_ENDINGS) and os.path.isfile(packed):
                refuse_packed(packed)
    tars = _tars_in(root) if os.path.isdir(root) else []
    return TarsTree(root, tars) if tars else Tree(root)
