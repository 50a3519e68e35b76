"""Describes the data sets of a run, so that runs on other data can be told apart."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from mmmask.utils.picks import pick_evenly

SAMPLES = 5_000
"""Samples of a data set that are looked at, evenly spread: disks of clusters answer slowly."""


def describe_data(runner: Runner) -> dict[str, dict]:
    """Return what tells the data sets of a run from others.

    Returns:
        For each use, as ``train``, ``val``, ``test``, ``bank``: ``images`` (number), ``folder``
        (that all files have in common, or None) and ``sha256``. The hash is that of the samples:
        names below the folder, labels and sizes of files. So a copy elsewhere has the same one.
    """
    found = {}
    for use, loader in _loaders(runner):
        if use not in found and hasattr(loader.dataset, '__len__'):
            found[use] = _describe(loader.dataset)
    return found


def _loaders(runner: Runner) -> Iterator[tuple[str, DataLoader]]:
    """Yield the loaders that loops and hooks have, and their use."""
    loops = dict(train=runner._train_loop, val=runner._val_loop, test=runner._test_loop)
    for use, loop in loops.items():
        if isinstance(loop, BaseLoop):
            yield use, loop.dataloader
    for part in (*filter(lambda loop: isinstance(loop, BaseLoop), loops.values()), *runner.hooks):
        for name, value in vars(part).items():
            if isinstance(value, DataLoader) and name != 'dataloader':
                yield name.removesuffix('_dataloader'), value


def _describe(dataset: Any) -> dict:
    found: dict[str, Any] = dict(images=len(dataset), folder=None, sha256=None)
    if not hasattr(dataset, 'get_data_info'):
        return found
    samples = [dataset.get_data_info(i) for i in pick_evenly(range(len(dataset)), SAMPLES)]
    folders = {os.path.dirname(s['img_path']) for s in samples if s.get('img_path')}
    if folders and len({os.path.isabs(folder) for folder in folders}) == 1:
        found['folder'] = os.path.commonpath(folders)
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(json.dumps(_portable(sample, found['folder']), default=str).encode())
    return dict(found, sha256=digest.hexdigest())


def _portable(sample: dict, folder: str | None) -> dict:
    """Return a sample with names below the folder and sizes instead of paths."""
    values = {}
    for name, value in sorted(sample.items()):
        if name.endswith('_path') and isinstance(value, str):
            size = os.path.getsize(value) if os.path.isfile(value) else None  # in a tar: None
            value = [os.path.relpath(value, folder) if folder else value, size]
        values[name] = value
    return values
