"""CIFAR-10 and CIFAR-100 from the pickles that are there, whatever their MD5 sums."""

from __future__ import annotations

from typing import Any

from mmpretrain.datasets import CIFAR10, CIFAR100
from mmpretrain.registry import DATASETS


def _unchecked(entries: list[list[str]]) -> list[list]:
    """Files of a data set without their MD5 sums: mmpretrain then only wants them to exist."""
    return [[name, None] for name, _ in entries]


@DATASETS.register_module()
class LocalCIFAR10(CIFAR10):
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
    meta = {**CIFAR10.meta, 'md5': None}

    def __init__(self, data_root: str, download: bool = False, **kwargs: Any) -> None:
        super().__init__(data_root, download=download, **kwargs)


@DATASETS.register_module()
class LocalCIFAR100(CIFAR100):
    """The same of CIFAR-100, in ``cifar-100-python``."""

    train_list = _unchecked(CIFAR100.train_list)
    test_list = _unchecked(CIFAR100.test_list)
    meta = {**CIFAR100.meta, 'md5': None}

    def __init__(self, data_root: str, download: bool = False, **kwargs: Any) -> None:
        super().__init__(data_root, download=download, **kwargs)
