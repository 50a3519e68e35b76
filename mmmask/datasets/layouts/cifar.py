"""CIFAR-10 and CIFAR-100: pickled batches."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Sequence
from pathlib import Path

from mmmask.datasets.layouts.scan import Found, Scan
from mmmask.utils.errors import UserError

TREE = """
<data_root>/
  cifar-10-batches-py/     data_batch_1 ... data_batch_5, test_batch, batches.meta
  cifar-100-python/        train, test, meta
"""

PUBLISHED = {'train': 50_000, 'test': 10_000}


def check_cifar(
    folder: Path,
    files: dict[str, Sequence[Sequence[str | None]]],
    split: str,
    num_classes: int,
    scan: Scan,
    download: bool = False,
) -> Found:
    """The batches of one split.

    Args:
        folder: Folder of the batches.
        files: ``train`` and ``test``: name and MD5 sum (None: any) of each batch. mmpretrain wants
            both splits.
        split: ``train`` or ``test``.
        num_classes: 10 or 100.
        scan: Its progress.
        download: Whether the published archive is fetched where a batch is absent.

    Raises:
        UserError: Batches are missing, unreadable, incomplete or with strange labels, or aren't the
            published ones though they must be.
    """
    names = [entry for part in ('train', 'test') for entry in files[part]]
    absent = [name for name, _ in names if not (folder / name).is_file()]
    if absent and download:
        place = folder.parent.absolute()
        there = f'{len(absent)} of {len(names)} batches are absent'
        return Found(notes=[f'{there}: the published archive will be downloaded to {place}'])
    if absent:
        raise UserError(
            f'{len(absent)} of {len(names)} batches are absent in {folder}, first: {absent[0]} '
            '(unpack the published archive; download=True fetches it where there is a network)'
        )
    labels: list[int] = []
    for name, _ in scan.each('batches read', files[split]):
        labels += _read_batch(folder / name, num_classes)
    used = set(labels)
    if len(used) != num_classes:
        missing = min(set(range(num_classes)) - used)
        raise UserError(
            f'the {split} batches in {folder} label {len(used)} of {num_classes} classes: class '
            f'{missing} has no image'
        )
    for name, md5 in names:
        if md5 is not None and hashlib.md5((folder / name).read_bytes()).hexdigest() != md5:
            raise UserError(
                f"{folder / name} is not the published file (MD5), which mmpretrain's class "
                'insists on: delete it and fetch it again, or, for a miniature or a subset, use '
                f'LocalCIFAR{num_classes} as the type of the data sets'
            )
    return Found(
        len(labels), PUBLISHED[split], dict(classes=len(used)), sizes=[(32, 32)] * len(labels)
    )


def _read_batch(path: Path, num_classes: int) -> list[int]:
    """The labels of one batch, after a look at its images."""
    batch = load_pickle(path)
    try:
        data = batch['data']
        labels = batch['labels' if 'labels' in batch else 'fine_labels']
        shape, dtype = data.shape, str(data.dtype)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f'{path} is not a batch of CIFAR ({error!r})') from error
    if len(shape) != 2 or shape[1] != 3072 or dtype != 'uint8':
        raise UserError(f'{path} has images of shape {shape} {dtype}, not (N, 3072) uint8')
    if shape[0] != len(labels) or not labels:
        raise UserError(f'{path} is incomplete: {shape[0]} images and {len(labels)} labels')
    strange = [label for label in labels if not 0 <= label < num_classes]
    if strange:
        raise UserError(
            f'{path} has label {strange[0]}, but {num_classes} classes have labels 0 to '
            f'{num_classes - 1}'
        )
    return list(labels)


class _Unpickler(pickle.Unpickler):
    """Numpy arrays and plain values only: a pickle of strangers can't run anything."""

    allowed = (
        ('numpy', 'ndarray'),
        ('numpy', 'dtype'),
        ('numpy.core.multiarray', '_reconstruct'),
        ('numpy._core.multiarray', '_reconstruct'),
        ('_codecs', 'encode'),
    )

    def find_class(self, module: str, name: str) -> object:
        """Refuse what isn't allowed."""
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f'it would call {module}.{name}')
        return super().find_class(module.replace('numpy.core', 'numpy._core'), name)


def load_pickle(path: Path) -> object:
    """Content of a pickle of arrays and plain values, also of Python 2.

    Raises:
        UserError: It is cut off, damaged, or no such pickle.
    """
    try:
        return _Unpickler(io.BytesIO(path.read_bytes()), encoding='latin1').load()
    except Exception as error:  # damaged bytes are any opcode: any exception
        reason = str(error) or type(error).__name__
        raise UserError(f'{path} is incomplete or no pickle of CIFAR ({reason})') from error
