"""Read CIFAR-10 and CIFAR-100 from the pickles that are there, whatever their MD5 sums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.datasets import CIFAR10, CIFAR100
from mmpretrain.registry import DATASETS

from mmmask.datasets.pickles import load_pickle
from mmmask.utils.errors import UserError


class _AnyFiles:
    """Reads the batches without comparing MD5 sums, and without letting a pickle run anything."""

    def load_data_list(self) -> list[dict]:
        """Return images, ``(32, 32, 3)`` uint8, and labels of the split.

        Raises:
            UserError: A batch is incomplete, or no batch of CIFAR.
        """
        if self.download and not self._check_integrity():
            super().load_data_list()  # fetches the published archive
        folder = Path(self.data_prefix['root'], self.base_folder)
        files = self.train_list if self.split == 'train' else self.test_list
        samples = []
        for name, _ in files:
            batch = load_pickle(folder / name)
            try:
                labels = batch['labels' if 'labels' in batch else 'fine_labels']
                images = np.asarray(batch['data'], np.uint8).reshape(-1, 3, 32, 32)
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f'{folder / name} is not a batch of CIFAR ({error!r})') from error
            if len(images) != len(labels) or not labels:
                raise UserError(
                    f'{folder / name} is incomplete: {len(images)} images and {len(labels)} labels'
                )
            for image, label in zip(images.transpose(0, 2, 3, 1), labels, strict=True):
                samples.append(dict(img=image, gt_label=int(label)))
        return samples


def _unchecked(entries: list[list[str]]) -> list[list]:
    """Return the files of a data set without their MD5 sums."""
    return [[name, None] for name, _ in entries]


@DATASETS.register_module()
class LocalCIFAR10(_AnyFiles, CIFAR10):
    """mmpretrain's CIFAR-10 without MD5 sums.

    It reads miniatures and subsets, whose files can't have the published sums; the files' names and
    keys are the published ones. For benchmarks take ``CIFAR10``.

    Args:
        data_root: Folder that holds ``cifar-10-batches-py``.
        download: Whether the published archive is fetched where a file is missing.
        **kwargs: As in mmpretrain's ``CIFAR10``.
    """

    train_list = _unchecked(CIFAR10.train_list)
    test_list = _unchecked(CIFAR10.test_list)

    def __init__(self, data_root: str, download: bool = False, **kwargs: Any) -> None:
        super().__init__(data_root, download=download, **kwargs)


@DATASETS.register_module()
class LocalCIFAR100(_AnyFiles, CIFAR100):
    """Read CIFAR-100 so, in ``cifar-100-python``."""

    train_list = _unchecked(CIFAR100.train_list)
    test_list = _unchecked(CIFAR100.test_list)

    def __init__(self, data_root: str, download: bool = False, **kwargs: Any) -> None:
        super().__init__(data_root, download=download, **kwargs)
