"""CIFAR-10 and CIFAR-100: pickled batches of flat images of 32 pixels.

Their content isn't the published one, so mmpretrain's ``CIFAR10`` and ``CIFAR100``, which compare
MD5 sums, refuse it; `mmmask.datasets.LocalCIFAR10` and ``LocalCIFAR100`` read it.
"""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np

from mmmask.datasets.miniatures.material import Files, pixels

SIZE = 32
BATCHES = {**{f'data_batch_{n}': 40 for n in range(1, 6)}, 'test_batch': 40}
FINE_BATCHES = {'train': 200, 'test': 100}

# Coarse label (of 20) of each of CIFAR-100's classes.
COARSE = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15,
    3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4,
    2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13,
    16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
)  # fmt: skip


def cifar10() -> Files:
    """``cifar-10-batches-py``: five training batches, the test batch and the names."""
    folder = 'cifar-10-batches-py'
    found = {f'{folder}/{name}': partial(_batch, name, 10, 'labels') for name in BATCHES}
    return {**found, f'{folder}/batches.meta': _names10}


def cifar100() -> Files:
    """``cifar-100-python``: ``train``, ``test`` and the names."""
    folder = 'cifar-100-python'
    found = {f'{folder}/{name}': partial(_batch, name, 100, 'fine_labels') for name in FINE_BATCHES}
    return {**found, f'{folder}/meta': _names100}


def _batch(name: str, num_classes: int, key: str) -> bytes:
    """One batch; ``data`` is ``(N, 3072)`` uint8: all of red, then green, then blue."""
    split = 'val' if 'test' in name else 'train'
    count = (BATCHES | FINE_BATCHES)[name]
    number = int(name[-1]) - 1 if name[-1].isdigit() else 0
    labels = [index % num_classes for index in range(count)]
    images = [
        pixels(label, split, number * count + index, SIZE) for index, label in enumerate(labels)
    ]
    content = dict(
        batch_label=name,
        data=np.stack(images).transpose(0, 3, 1, 2).reshape(count, -1),
        filenames=[f'{name}_{index:05d}.png' for index in range(count)],
    )
    content[key] = labels
    if key == 'fine_labels':
        content['coarse_labels'] = [COARSE[label] for label in labels]
    return _pickled(content)


def _names10() -> bytes:
    from mmpretrain.datasets.categories import CIFAR10_CATEGORIES

    size = BATCHES['data_batch_1']
    return _pickled(
        dict(num_cases_per_batch=size, label_names=list(CIFAR10_CATEGORIES), num_vis=3072)
    )


def _names100() -> bytes:
    from mmpretrain.datasets.categories import CIFAR100_CATEGORIES

    return _pickled(dict(fine_label_names=list(CIFAR100_CATEGORIES)))


def _pickled(content: dict) -> bytes:
    return pickle.dumps(content, protocol=2)  # as the published ones
