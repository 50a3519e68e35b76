"""Reading checkpoints without trusting them."""

from __future__ import annotations

import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmmask.errors import UserError

PLACEHOLDER = 'SET-ME'
"""What our configs name as a checkpoint until the user names one."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's tensors and what it says about itself.

    Attributes:
        path: Where it came from.
        state_dict: Tensors by name, without data-parallel wrappers' ``module.``; versions of
            modules are kept in its ``_metadata``, as torch does.
        meta: mmengine's ``meta`` (``cfg`` is the config's text), empty for files of others.
    """

    path: str
    state_dict: OrderedDict[str, Tensor]
    meta: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.rsplit('/', 1)[-1]


class _Inert:
    """Stands in for what mmengine pickles beside the weights: nothing of it is rebuilt or run."""

    def __new__(cls, *args, **kwargs) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *args, **kwargs) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


_CORES = ('core', '_core')
_DTYPES = ('Bool', 'Int32', 'Int64', 'UInt8', 'UInt32', 'Float16', 'Float32', 'Float64', 'Str')
_HARMLESS = (
    'mmengine.logging.history_buffer.HistoryBuffer',
    'builtins.getattr',  # how HistoryBuffer's statistics are pickled
    'builtins.slice',
    'numpy.ndarray',
    'numpy.dtype',
    *(f'numpy.{core}.multiarray.{name}' for core in _CORES for name in ('_reconstruct', 'scalar')),
    *(f'numpy.dtypes.{name}DType' for name in _DTYPES),
)
_FORCE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


@contextmanager
def _weights_only() -> Iterator[None]:
    """Let every ``torch.load`` inside, also mmengine's own, read weights and nothing else."""
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = '1'
    try:
        with torch.serialization.safe_globals([(_Inert, name) for name in _HARMLESS]):
            yield
    finally:
        os.environ.pop(_FORCE)
        if before is not None:
            os.environ[_FORCE] = before


def is_remote(path: str) -> bool:
    """Whether a checkpoint is named by a scheme of mmengine's (``https://``,
    ``torchvision://``)."""
    return '://' in path


def read_checkpoint(path: str | None, map_location: str | torch.device = 'cpu') -> Checkpoint:
    """Read a checkpoint; no code in it is ever run.

    Args:
        path: A ``.pth`` file (mmengine's, or a plain state dict), a ``.safetensors`` file, or a
            name with one of mmengine's schemes, which its own loaders fetch.
        map_location: As :func:`torch.load`.

    Raises:
        UserError: There is no such file, it is truncated, no checkpoint, or holds more than
            weights.
    """
    if path is None or path in ('', PLACEHOLDER):
        raise UserError(
            'No checkpoint is set: set model.backbone.init_cfg.checkpoint=FILE, '
            'or model.backbone.init_cfg=None to train from scratch.'
        )
    local = Path(path).expanduser()
    if not is_remote(path) and not local.is_file():
        raise UserError(f"There is no checkpoint '{path}'.")
    try:
        if is_remote(path):
            with _weights_only():
                content = CheckpointLoader.load_checkpoint(path, map_location, logger=None)
        elif local.suffix == '.safetensors':
            from safetensors.torch import load_file

            content = load_file(local, device=str(map_location))
        else:
            with _weights_only():
                content = torch.load(local, map_location=map_location, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # what a damaged file raises isn't limited to a few types
        raise UserError(_why_unreadable(path, error)) from error
    return _sort(str(path), content)


def _why_unreadable(path: str, error: Exception) -> str:
    text = ' '.join(str(error).split())
    refused = re.search(r'GLOBAL (\S+)', text) or re.search(r'unrecognized function (\S+)', text)
    if refused:
        return (
            f"'{path}' was refused: besides weights it holds '{refused[1]}', which could run code "
            'when read. Ask its author for a file of weights alone.'
        )
    reason = text[:150] or type(error).__name__
    if is_remote(path):
        return f"The checkpoint '{path}' couldn't be fetched or read: {reason}"
    return f"'{path}' is truncated or not a checkpoint: copy or save it again ({reason})."


def _sort(path: str, content: object) -> Checkpoint:
    """Find the tensors and the metadata."""
    content = content if isinstance(content, dict) else {}
    found = content.get('state_dict', content)
    meta = content.get('meta') if 'state_dict' in content else None
    all_tensors = isinstance(found, dict) and all(isinstance(v, Tensor) for v in found.values())
    if not all_tensors or not found:
        what = ', '.join(map(str, list(content)[:5])) or 'nothing'
        raise UserError(f"'{path}' holds no state_dict of weights (found: {what}).")
    state_dict = OrderedDict((re.sub(r'^module\.', '', name), found[name]) for name in found)
    versions = getattr(found, '_metadata', None)
    if versions is not None:
        renamed = ((re.sub(r'^module(\.|$)', '', name), versions[name]) for name in versions)
        state_dict._metadata = OrderedDict(renamed)
    return Checkpoint(path, state_dict, meta if isinstance(meta, dict) else {})


def sha256_of_file(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
