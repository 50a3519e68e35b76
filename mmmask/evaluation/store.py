"""Keep features on disk, so that a second protocol needn't run the network."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.dist import all_reduce, broadcast_object_list, is_main_process
from mmengine.logging import MMLogger
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mmmask.utils.errors import UserError
from mmmask.utils.files import new_files
from mmmask.utils.picks import pick_evenly

IN_MEMORY = 1 << 30
"""Bytes of features that are held in memory. More are held in a file that is gone at the end."""

FILES = 10_000
"""Files of a data set whose sizes and times tell its identity, evenly spread."""

_BLOCK = 1 << 24
_NARROW = (torch.float16, torch.bfloat16)

Features = tuple[Tensor, Tensor | None]


def row_blocks(tensor: Tensor) -> Sequence[Tensor]:
    """Return views of a tensor's rows, in blocks of about 16 million numbers."""
    return tensor.split(max(1, _BLOCK // max(1, tensor[:1].numel())))


def zeros(shape: Sequence[int], folder: str | Path | None = None) -> Tensor:
    """Return zeros, float32: in memory, or above ``IN_MEMORY`` bytes in a file without a name.

    Args:
        shape: Of the tensor.
        folder: Where the file is; None: the system's folder of temporary files.
    """
    if 4 * int(np.prod(shape)) <= IN_MEMORY:
        return torch.zeros(*shape)
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return torch.from_numpy(np.memmap(file, np.float32, 'w+', shape=tuple(shape)))


def identity_of_weights(network: nn.Module) -> str:
    """Return a hash of a network's parameters and buffers, with their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        values = tensor.detach().cpu().contiguous().flatten()
        digest.update(values.view(torch.uint8).numpy())
    return digest.hexdigest()


def identity_of_data(dataset: object) -> str | None:
    """Return a hash of a data set: its config, its samples, and the state of its files.

    The config, and with it the pipeline, is the one that ``build_loader`` notes. Sizes and times of
    at most ``FILES`` files count: asking for those of a million would take minutes on some disks.

    Returns:
        The hash; None if nothing tells the identity.
    """
    config = getattr(dataset, 'built_from', None)
    if config is None or not isinstance(dataset, BaseDataset):
        return None
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=repr).encode())
    # The bytes are those of the pickled samples; the bare list is there where they aren't wanted.
    digest.update(dataset.data_bytes if dataset.serialize_data else pickle.dumps(dataset.data_list))
    picked = map(dataset.get_data_info, pick_evenly(range(len(dataset)), FILES))
    paths = [sample['img_path'] for sample in picked if sample.get('img_path')]
    digest.update(identity_of_files(paths).encode())
    return digest.hexdigest()


def identity_of_files(paths: Iterable[str]) -> str:
    """Return a hash of the paths of files, their sizes and times."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f'{path}\n'.encode())
        while not os.path.exists(path) and path != os.path.dirname(path):
            path = os.path.dirname(path)  # of a file in a tar: the tar
        state = os.stat(path or '.')
        digest.update(f'{state.st_size} {state.st_mtime_ns}\n'.encode())
    return digest.hexdigest()


class FeatureStore:
    """Keep features in a folder of safetensors files, one for each key.

    A file has ``features`` (N, ...) and, where there are any, ``labels`` (N,). Features are in half
    precision (float16 or bfloat16) if every number survives that, else in float32. The metadata has
    the key and a checksum.

    Args:
        folder: Where.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def get(
        self, key: Mapping[str, object], make: Callable[[], Features | None], title: str
    ) -> Features | None:
        """Return the features of a key: those of the folder, or new ones, which are kept.

        All ranks call this. The first one's key counts. If one rank has no file, all make anew.

        Args:
            key: Plain values that tell these features from all others.
            make: Computes the features; all ranks take part and get the same. None isn't kept.
            title: Names the data in the log.
        """
        keys = [key]
        broadcast_object_list(keys)
        found = self.read(keys[0], title)
        hits = torch.tensor([found is not None], dtype=torch.long)
        all_reduce(hits, 'min')
        if int(hits):
            return found
        made = make()
        if made is not None and is_main_process():
            self.write(keys[0], *made, title)
        return made

    def read(self, key: Mapping[str, object], title: str) -> Features | None:
        """Return the features of a key on this rank; None if there are none, or damaged ones."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, 'pt') as file:
                stored, names = file.get_tensor('features'), file.keys()
                labels = file.get_tensor('labels') if 'labels' in names else None
                checksum = file.metadata()['checksum']
            if checksum != _checksum(stored):
                raise ValueError('the checksum is another')
        except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
            MMLogger.get_current_instance().warning(
                f'{title}: {path} is damaged ({error}): the features are computed again'
            )
            return None
        MMLogger.get_current_instance().info(
            f'{title}: {len(stored):,} features are read from {path}'
        )
        if stored.dtype == torch.float32:
            return stored, labels
        features = zeros(stored.shape, self.folder)
        for to, block in zip(row_blocks(features), row_blocks(stored)):
            to.copy_(block)
        return features, labels

    def write(
        self, key: Mapping[str, object], features: Tensor, labels: Tensor | None, title: str
    ) -> None:
        """Keep the features of a key, by one rank. If they can't be written, that is a warning."""
        path, log = self._path(key), MMLogger.get_current_instance()
        try:
            with new_files(self.folder) as aside:
                kept = dict(features=_narrowed(features, aside))
                metadata = dict(key=_text(key), checksum=_checksum(kept['features']))
                if labels is not None:
                    kept['labels'] = labels
                save_file(kept, aside / path.name, metadata)
            log.info(f'{title}: {len(features):,} features are kept in {path}')
        except UserError as error:
            log.warning(f'{title}: the features are not kept. {error}')

    def _path(self, key: Mapping[str, object]) -> Path:
        name = hashlib.sha256(_text(key).encode()).hexdigest()[:32]
        return self.folder / f'{name}.safetensors'


def _text(key: Mapping[str, object]) -> str:
    return json.dumps(key, sort_keys=True, default=repr)


def _narrowed(features: Tensor, folder: Path) -> Tensor:
    """Return the features in the first narrow type that changes no number, else as they are."""
    for dtype in _NARROW:
        if all(bool((b.to(dtype).float() == b).all()) for b in row_blocks(features)):
            narrow = zeros(((features.numel() + 1) // 2,), folder).view(dtype)
            narrow = narrow[: features.numel()].view(features.shape)
            for to, block in zip(row_blocks(narrow), row_blocks(features)):
                to.copy_(block)
            return narrow
    return features


def _checksum(tensor: Tensor) -> str:
    total = 0
    for block in row_blocks(tensor):
        total = zlib.crc32(block.contiguous().flatten().view(torch.uint8).numpy(), total)
    return f'{total:08x}'
