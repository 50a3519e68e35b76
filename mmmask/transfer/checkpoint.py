"""Reading checkpoints without trusting them."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmmask.config.checkpoints import PLACEHOLDER
from mmmask.utils.errors import UserError
from mmmask.utils.files import is_remote


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's tensors and what it says about itself.

    Attributes:
        path: Where it came from.
        state_dict: Tensors by name, without data-parallel wrappers' ``module.``; versions of
            modules are kept in its ``_metadata``, as torch does.
        meta: mmengine's ``meta`` (``cfg`` is the config's text), empty for files of others.
        about: Other plain values of the file (``epoch``, ``args``), and the metadata of a
            ``.safetensors`` file. ``weights`` names the entry that was taken if several hold
            weights. ``config.json`` and ``preprocessor_config.json`` are the contents of Hugging
            Face's or timm's files beside it.
    """

    path: str
    state_dict: OrderedDict[str, Tensor]
    meta: dict = field(default_factory=dict)
    about: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.rsplit('/', 1)[-1]


class _Inert:
    """Stands in for what is pickled beside the weights: nothing of it is rebuilt or run."""

    def __new__(cls, *args, **kwargs) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *args, **kwargs) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _empty_dict(*args) -> OrderedDict:
    """Stands in for ``defaultdict``, whose factory isn't called; torch fills it."""
    return OrderedDict()


_CORES = ('core', '_core')
_DTYPES = ('Bool', 'Int32', 'Int64', 'UInt8', 'UInt32', 'Float16', 'Float32', 'Float64', 'Str')
_HARMLESS = (
    'mmengine.logging.history_buffer.HistoryBuffer',
    'pathlib.PosixPath',
    'pathlib._local.PosixPath',
    'builtins.getattr',  # how HistoryBuffer's statistics are pickled
    'builtins.slice',
    *(f'builtins.{kind}' for kind in ('int', 'float', 'str', 'list', 'dict')),  # of defaultdict
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
        inert = [(_Inert, name) for name in _HARMLESS]
        # What holds a training's options is no more than a dict: argparse's, and Swin's.
        options = [
            argparse.Namespace,
            (OrderedDict, 'yacs.config.CfgNode'),
            (_empty_dict, 'collections.defaultdict'),
        ]
        with torch.serialization.safe_globals([*inert, *options]):
            yield
    finally:
        os.environ.pop(_FORCE)
        if before is not None:
            os.environ[_FORCE] = before


def read_checkpoint(
    path: str | None, map_location: str | torch.device = 'cpu', trust: bool = False
) -> Checkpoint:
    """Read a checkpoint; no code in it is ever run.

    Args:
        path: A file of torch or of safetensors, told apart by content. A file of torch holds a
            state dict, plain or in one of :data:`CONTAINERS`. A name with one of mmengine's
            schemes is fetched by mmengine.
        map_location: As :func:`torch.load`.
        trust: Read a local pickle whatever it holds, *running* what is in it.

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
    if not is_remote(path):
        _check_local(path, local)
    about = {}
    try:
        if is_remote(path):
            with _weights_only():
                content = CheckpointLoader.load_checkpoint(path, map_location, logger=None)
        elif _is_safetensors(local):
            content, about = _read_safetensors(local, str(map_location))
        elif trust:
            content = torch.load(local, map_location=map_location, weights_only=False)
            content = _with_state_dicts(content)
        else:
            with _weights_only():
                content = torch.load(local, map_location=map_location, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # what a damaged file raises isn't limited to a few types
        raise UserError(_why_unreadable(path, error)) from error
    if not is_remote(path):
        about.update(_beside(local))
    return _sort(str(path), content, about)


def _with_state_dicts(content: object) -> object:
    """Pickled modules, alone or among a file's entries, as their tensors."""
    if isinstance(content, nn.Module):
        return content.state_dict()
    if isinstance(content, dict) and any(isinstance(v, nn.Module) for v in content.values()):
        return {k: v.state_dict() if isinstance(v, nn.Module) else v for k, v in content.items()}
    return content


def _check_local(path: str, local: Path) -> None:
    """Name what is no checkpoint at a glance.

    Raises:
        UserError: If it is missing, a folder, a page, or stands for a file elsewhere.
    """
    if local.is_dir():
        inside = [f for f in sorted(local.iterdir()) if f.suffix in _SUFFIXES]
        names = ', '.join(f.name for f in inside[:3]) or 'none that looks like one'
        raise UserError(f"'{path}' is a folder: name the checkpoint in it ({names}).")
    if not local.is_file():
        raise UserError(f"There is no checkpoint '{path}'.")
    with open(local, 'rb') as file:
        start = file.read(64).lstrip().lower()
    if start.startswith(b'version https://git-lfs'):
        raise UserError(
            f"'{path}' is Git LFS's pointer to a checkpoint, not the checkpoint: fetch it with "
            'git lfs pull.'
        )
    if start.startswith((b'<!doctype', b'<html', b'<?xml')):
        raise UserError(
            f"'{path}' is a web page, not a checkpoint: its download was answered with a page. "
            'Open it in a browser to see why, and download it again.'
        )


def _is_safetensors(path: Path) -> bool:
    """By content: 8 bytes with the length of a header, the header in JSON; pickles and zip archives
    have other first bytes. Of what is neither, the name decides."""
    with open(path, 'rb') as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], 'little')
    if start[8:] == b'{' and 8 + length <= path.stat().st_size:
        return True
    return path.suffix == '.safetensors' and not start.startswith((b'PK', b'\x80'))


def _read_safetensors(path: Path, device: str) -> tuple[dict[str, Tensor], dict]:
    """Tensors and metadata."""
    from safetensors import safe_open

    with safe_open(path, framework='pt', device=device) as file:
        names = list(file.keys())
        return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})


def _beside(path: Path) -> dict:
    """Hugging Face's or timm's descriptions in the file's folder; they say so by a ``model_type``
    or a ``pretrained_cfg``."""
    found = {}
    for name in ('config.json', 'preprocessor_config.json'):
        try:
            content = json.loads((path.parent / name).read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            found[name] = content
    return found if {'model_type', 'pretrained_cfg'} & set(found.get('config.json', {})) else {}


def _why_unreadable(path: str, error: Exception) -> str:
    text = ' '.join(str(error).split())
    refused = re.search(r'GLOBAL (\S+)', text) or re.search(r'unrecognized function (\S+)', text)
    if refused:
        return (
            f"'{path}' was refused: besides weights it holds '{refused[1]}', which could run code "
            'when read. Ask its author for a file of weights alone; or, if you trust its author, '
            f'convert it once: python tools/export_backbone.py {path} --trust --to mmpretrain '
            '--out NEW.safetensors.'
        )
    text = text.rpartition('WeightsUnpickler error: ')[2]  # without torch's advice before it
    reason = re.split(r'[.:;]? (?=Please |Check the |If you )|(?<=\w)\. ', text)[0]
    reason = reason if 0 < len(reason) <= 150 else type(error).__name__
    if is_remote(path):
        return f"The checkpoint '{path}' couldn't be fetched or read: {reason}"
    return f"'{path}' is truncated or not a checkpoint: copy or save it again ({reason})."


CONTAINERS = (
    *('state_dict', 'model', 'model_state', 'model_state_dict', 'module', 'net'),
    *('state_dict_ema', 'model_ema'),
)
"""Entries of a file in which its tensors may be, the first of which is taken; ``student`` and
``teacher`` (DINO's) besides."""

_SUFFIXES = ('.pth', '.pt', '.bin', '.ckpt', '.tar', '.safetensors')
_SIDES = ('student', 'teacher')
_WRAPPERS = ('_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module')


def _sort(path: str, content: object, about: dict) -> Checkpoint:
    """Find the tensors and the metadata."""
    if not isinstance(content, dict):
        raise UserError(_why_no_dict(path, content))
    names = [name for name in CONTAINERS if isinstance(content.get(name), dict)]
    name = names[0] if names else None
    found = content if name is None else content[name]
    sides = {side: found[side] for side in _SIDES if isinstance(found.get(side), dict)}
    if sides:
        name = name or ' '.join(sides)
        found = {f'{s}.{_unwrapped(n)}': value for s in sides for n, value in sides[s].items()}
    if not _is_state_dict(found):
        raise UserError(_why_no_state_dict(path, content, name, found))
    state_dict = OrderedDict((_unwrapped(name), value) for name, value in found.items())
    versions = getattr(found, '_metadata', None)
    if versions is not None:
        state_dict._metadata = OrderedDict((_unwrapped(name), versions[name]) for name in versions)
    meta = content.get('meta') if name == 'state_dict' else None
    if name is not None:
        about.update(_plain_entries({k: content[k] for k in content if k not in (name, 'meta')}))
    left = [other for other in names[1:] if _is_state_dict(content[other])]
    if left:
        about['weights'] = f'{name}, not {" or ".join(left)}'
    return Checkpoint(path, state_dict, meta if isinstance(meta, dict) else {}, about)


def _is_state_dict(content: object) -> bool:
    if not isinstance(content, dict) or not content:
        return False
    return all(isinstance(value, Tensor) for value in content.values())


def _why_no_dict(path: str, content: object) -> str:
    if isinstance(content, (list, tuple)):
        of = 'state_dicts' if content and all(isinstance(c, dict) for c in content) else 'values'
        return (
            f"'{path}' holds a list of {len(content)} {of}, no state_dict of weights: save the one "
            'that is wanted in a file of its own.'
        )
    return f"'{path}' holds a {type(content).__name__}, no state_dict of weights."


def _why_no_state_dict(path: str, content: dict, name: str | None, found: dict) -> str:
    """``found`` is the entry ``name`` of the content, or all of it."""
    odd = [key for key, value in found.items() if not isinstance(value, Tensor)]
    if len(odd) < len(found):
        return (
            f"'{path}' holds no state_dict of weights alone: '{odd[0]}' among the tensors"
            f'{f" of {name}" if name else ""} is of type {type(found[odd[0]]).__name__}. Save them '
            'without it.'
        )
    weights = [key for key, value in content.items() if _is_state_dict(value)]
    if weights:
        return (
            f"'{path}' holds tensors below '{weights[0]}', an entry that could be anything: save "
            f"them in a file of their own, as dict(state_dict=file['{weights[0]}'])."
        )
    what = ', '.join(map(str, list(content)[:5])) or 'nothing'
    return f"'{path}' holds no state_dict of weights (found: {what})."


def _unwrapped(name: str) -> str:
    """A tensor's or module's name without what data parallelism and compilation put into it.

    'module' is a wrapper's at the start only: momentum encoders of mmengine's have one inside.
    """
    kept = [part for part in name.split('.') if part not in _WRAPPERS]
    return '.'.join(kept[1:] if kept[0] == 'module' else kept)


def _plain_entries(content: dict) -> dict:
    """Options, numbers and names among a file's entries."""
    about = {}
    for key, value in content.items():
        if isinstance(value, argparse.Namespace):
            value = vars(value)
        if isinstance(value, dict):
            value = {k: v for k, v in value.items() if isinstance(v, (str, int, float, bool))}
        if isinstance(value, (str, int, float)) or (isinstance(value, dict) and value):
            about[str(key)] = value
    return about
