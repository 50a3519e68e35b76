"""Class folders that are some of a classifier's classes: ImageNet-A, -R, -Sketch, -V2."""

from __future__ import annotations

from collections.abc import Sequence

from mmpretrain.registry import DATASETS

from mmmask.datasets.folders import check_class_folders, class_ids
from mmmask.datasets.image_folder import StrictImageFolder
from mmmask.datasets.trees import Tree
from mmmask.utils.errors import UserError


@DATASETS.register_module()
class NumberedImageFolder(StrictImageFolder):
    """Label images by the number of their class among a classifier's, not by the folder's rank.

    A folder is named by its class (``n01440764``) or by its number. ImageNet-V2 has ``0`` to
    ``999``, whose order as texts (0, 1, 10, 100) would give wrong labels. Some classes may be
    missing: ImageNet-A and -R have 200.

    Args:
        names: Names of all classes in the order of their numbers; None: ImageNet's ids, from timm.
        num_folders: How many class folders there must be; None: any number.
        **kwargs: As in ``StrictImageFolder``.

    Raises:
        UserError: If a folder is no class, or there are more or fewer folders.
    """

    def __init__(
        self, *args, names: Sequence[str] | None = None, num_folders: int | None = None, **kwargs
    ) -> None:
        self.names, self.num_folders = names or class_ids(), num_folders
        if self.names is None:
            raise UserError("ImageNet's class ids come from 'timm': run pip install timm")
        super().__init__(*args, **kwargs)

    def _list_classes(self, tree: Tree) -> list[tuple[str, int]]:
        folders = check_class_folders(tree, self.extensions)
        numbers = {name: number for number, name in enumerate(self.names)}
        if all(folder.isdecimal() for folder in folders):
            numbers = {str(number): number for number in numbers.values()}
        if strange := [folder for folder in folders if folder not in numbers]:
            raise UserError(
                f'{self.img_prefix}: {strange[0]} is none of the {len(numbers)} classes '
                f'({next(iter(numbers))}, ...)'
            )
        if self.num_folders not in (None, len(folders)):
            raise UserError(
                f'{self.img_prefix} has {len(folders)} class folders instead of {self.num_folders}'
            )
        self.folder_to_idx = {folder: numbers[folder] for folder in folders}
        self._metainfo['classes'] = tuple(self.names)
        return [
            (name, label)
            for folder, label in self.folder_to_idx.items()
            for name in self._list(tree, folder)
        ]
