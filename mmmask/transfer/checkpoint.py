"""Read checkpoints without trusting them."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmmask.config.init_cfg import PLACEHOLDER
from mmmask.utils.errors import UserError, explained
from mmmask.utils.files import is_remote


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's tensors and what it says about itself.

    Attributes:
        path: The file, or a name with a scheme.
        state_dict: Tensors by name, without the names that wrappers put in front. Versions of
            modules are in its ``_metadata``, as torch has them.
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
        """Return the file's name without its folder."""
        return self.path.rsplit('/', 1)[-1]


CONTAINERS = (
    *('state_dict', 'model', 'model_state', 'model_state_dict', 'module', 'net'),
    *('state_dict_ema', 'model_ema'),
)
"""Entries of a file that may hold its tensors; the first is taken. DINO's files have ``student``
and ``teacher`` besides."""

_SUFFIXES = ('.pth', '.pt', '.bin', '.ckpt', '.tar', '.safetensors')
_SIDES = (('student', 'student'), ('teacher', 'teacher'))
_JEPA = (('student', 'encoder'), ('teacher', 'target_encoder'))  # I-JEPA evaluates the latter
_START_OF_TORCH = b'\x80\x02\x8a\n'  # of torch.save's files before they were zip archives
_WRAPPERS = ('_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module')
_DESCRIPTIONS = ('config.json', 'preprocessor_config.json')
_HUB = 'hf://'
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


def read_checkpoint(
    path: str | None, map_location: str | torch.device = 'cpu', trust: bool = False
) -> Checkpoint:
    """Read a checkpoint; no code in it is ever run.

    Args:
        path: A file of torch or of safetensors, told apart by content. A file of torch holds a
            state dict, plain or in one of :data:`CONTAINERS`. A name with one of mmengine's
            schemes is fetched by mmengine, ``hf://OWNER/NAME/FILE`` from Hugging Face's hub.
        map_location: As :func:`torch.load`.
        trust: Read a local pickle whatever it holds, *running* what is in it.

    Raises:
        UserError: If there is no such file, it is truncated, no checkpoint, or holds more than
            weights.
    """
    if path is None or path in ('', PLACEHOLDER):
        raise UserError(
            'No checkpoint is set: set model.backbone.init_cfg.checkpoint=FILE, '
            'or model.backbone.init_cfg=None to train from scratch.'
        )
    if path.startswith(_HUB):
        return replace(read_checkpoint(_fetch_from_hub(path), map_location, trust), path=path)
    local, about = Path(path).expanduser(), {}
    if not is_remote(path):
        _check_local(path, local)
    try:
        if is_remote(path):
            with _weights_only():
                content = CheckpointLoader.load_checkpoint(path, map_location, logger=None)
        elif _is_safetensors(local):
            content, about = _read_safetensors(local, str(map_location))
        elif trust:
            content = torch.load(local, map_location, _TOLERANT, weights_only=False)
            content = _with_state_dicts(content)
        else:
            with _weights_only():
                content = torch.load(local, map_location=map_location, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a damaged file may raise anything
        raise UserError(_why_unreadable(path, local, error)) from error
    if not is_remote(path):
        about.update(_descriptions_beside(local))
    return _find_tensors(str(path), content, about)


def _fetch_from_hub(path: str) -> str:
    """Return the local copy of ``hf://OWNER/NAME/FILE``, with ``config.json`` beside it."""
    from huggingface_hub import snapshot_download

    owner, name, file = (*path.removeprefix(_HUB).split('/', 2), '', '')[:3]
    if not (name and file):
        raise UserError(f"'{path}' names no file of the hub: write hf://OWNER/NAME/FILE")
    with explained(f"The checkpoint '{path}' couldn't be fetched"):
        wanted = [file, *_DESCRIPTIONS]
        return str(Path(snapshot_download(f'{owner}/{name}', allow_patterns=wanted), file))


class _Inert:
    """Stands in for objects that are pickled beside the weights: none is rebuilt or run."""

    def __new__(cls, *args, **kwargs) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *args, **kwargs) -> None:
        pass

    def _nothing(self, *args) -> None:
        pass

    __setstate__ = __setitem__ = append = extend = _nothing


class _Array(_Inert):
    """Stands in for an array of numpy's."""


class _TolerantUnpickler(pickle.Unpickler):
    """Unpickles what a trusted file holds; an object of a missing library is inert."""

    def find_class(self, module: str, name: str) -> type:
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError):
            return _Inert


_TOLERANT = SimpleNamespace(**{**vars(pickle), 'Unpickler': _TolerantUnpickler})


def _empty_dict(*args) -> OrderedDict:
    """Stand in for ``defaultdict``, whose factory isn't called; torch fills the dict."""
    return OrderedDict()


@contextmanager
def _weights_only() -> Iterator[None]:
    """Let every ``torch.load`` inside, also mmengine's own, read weights and nothing else."""
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = '1'
    inert = [(_Array if '_reconstruct' in name else _Inert, name) for name in _HARMLESS]
    # Options of a training are no more than dicts: argparse's, and Swin's.
    options = [
        argparse.Namespace,
        (OrderedDict, 'yacs.config.CfgNode'),
        (_empty_dict, 'collections.defaultdict'),
    ]
    try:
        with torch.serialization.safe_globals([*inert, *options]):
            yield
    finally:
        os.environ.pop(_FORCE)
        if before is not None:
            os.environ[_FORCE] = before


def _with_state_dicts(content: object) -> object:
    """Replace pickled modules, alone or among a file's entries, by their tensors."""
    if isinstance(content, nn.Module):
        return content.state_dict()
    if isinstance(content, dict) and any(isinstance(v, nn.Module) for v in content.values()):
        return {k: v.state_dict() if isinstance(v, nn.Module) else v for k, v in content.items()}
    return content


def _check_local(path: str, local: Path) -> None:
    """Check that a file is there, and isn't of a kind that holds no weights, or a part of them.

    Raises:
        UserError: If it is.
    """
    if local.is_dir():
        inside = [f.name for f in sorted(local.iterdir()) if f.suffix in _SUFFIXES][:3]
        names = ', '.join(inside) or 'none that looks like one'
        raise UserError(f"'{path}' is a folder: name the checkpoint in it ({names}).")
    if not local.is_file():
        raise UserError(f"There is no checkpoint '{path}'.")
    if other := _other_kind(local):
        raise UserError(f"'{path}' is {other}.")


def _other_kind(path: Path) -> str:
    """Return what a file is instead of a checkpoint, and what to do; '' if nothing is known."""
    with open(path, 'rb') as file:
        start = file.read(64).lstrip().lower()
    if start.startswith(b'version https://git-lfs'):
        return "Git LFS's pointer to a checkpoint, not the checkpoint: fetch it with git lfs pull"
    if start.startswith((b'<!doctype', b'<html', b'<?xml')):
        return (
            'a web page, not a checkpoint: its download was answered with a page. Open it in a '
            'browser to see why, and download it again'
        )
    if (shard := re.search(r'-0*(\d+)-of-0*(\d+)\.\w+$', path.name)) and shard[2] != '1':
        return f'shard {shard[1]} of {shard[2]}, a part of the weights: {_JOIN}'
    if path.suffix == '.json':
        return f'a JSON file that holds no weights; if it lists shards, {_JOIN}'
    inside = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
    if any(name.endswith('.npy') for name in inside):
        return "numpy's .npz, with a JAX model's names: load it with timm, and save its state_dict"
    if any('/code/' in name for name in inside):
        return 'a TorchScript program, not a state_dict: save torch.jit.load(FILE).state_dict()'
    return ''


_JOIN = 'load all shards with their library, and save the state_dict as one file'


def _is_safetensors(path: Path) -> bool:
    """Recognise safetensors by content: 8 bytes with the length of a header in JSON.

    Pickles and zip archives begin otherwise. The name decides for files that begin like none.
    """
    with open(path, 'rb') as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], 'little')
    if start[8:] == b'{' and 8 + length <= path.stat().st_size:
        return True
    return path.suffix == '.safetensors' and not start.startswith((b'PK', b'\x80'))


def _read_safetensors(path: Path, device: str) -> tuple[dict[str, Tensor], dict]:
    """Return tensors and metadata."""
    from safetensors import safe_open

    with safe_open(path, framework='pt', device=device) as file:
        names = list(file.keys())
        return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})


def _descriptions_beside(path: Path) -> dict:
    """Read Hugging Face's or timm's descriptions in the file's folder, {} if there are none."""
    found = {}
    for name in _DESCRIPTIONS:
        try:
            content = json.loads((path.parent / name).read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            found[name] = content
    return found if {'model_type', 'pretrained_cfg'} & set(found.get('config.json', {})) else {}


def _why_unreadable(path: str, local: Path, error: Exception) -> str:
    text = ' '.join(str(error).split())
    if refused := re.search(r'(?:GLOBAL|unrecognized function) (\S+)', text):
        return (
            f"'{path}' was refused: besides weights it holds '{refused[1]}', which could run code "
            'when read. Ask its author for a file of weights alone; or, if you trust its author, '
            f'convert it once: mmmask export {path} --trust --to mmpretrain '
            '--out NEW.safetensors.'
        )
    text = text.rpartition('WeightsUnpickler error: ')[2]  # without torch's advice before it
    reason = re.split(r'[.:;]? (?=Please |Check the |If you )|(?<=\w)\. ', text)[0]
    reason = reason if 0 < len(reason) <= 150 else type(error).__name__
    if is_remote(path):
        return f"The checkpoint '{path}' couldn't be fetched or read: {reason}"
    with open(local, 'rb') as file:
        start = file.read(4)
    if start[:1] == b'\x80' and start != _START_OF_TORCH:
        return (
            f"'{path}' is a plain pickle that torch.save didn't write, as detectron2's .pkl: load "
            'it with its library, and save its tensors by torch.save.'
        )
    return f"'{path}' is truncated or not a checkpoint: copy or save it again ({reason})."


def _find_tensors(path: str, content: object, about: dict) -> Checkpoint:
    """Find the tensors and the metadata in a file's content.

    Raises:
        UserError: If it holds no state dict.
    """
    if not isinstance(content, dict):
        raise UserError(f"'{path}' holds {_kind(content)}, no state_dict of weights.")
    names = [name for name in CONTAINERS if isinstance(content.get(name), dict)]
    name = names[0] if names else None
    found = content if name is None else content[name]
    entries = _JEPA if isinstance(found.get('target_encoder'), dict) else _SIDES
    sides = {side: found[key] for side, key in entries if isinstance(found.get(key), dict)}
    if sides:
        name = name or ' '.join(sides)
        found = {f'{s}.{_unwrapped(n)}': value for s in sides for n, value in sides[s].items()}
    if not _is_state_dict(found):
        raise UserError(f"'{path}' holds no state_dict of weights{_why_none(content, name, found)}")
    state_dict = OrderedDict((_unwrapped(name), value) for name, value in found.items())
    _check_stored(path, state_dict)
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


def _check_stored(path: str, tensors: OrderedDict[str, Tensor]) -> None:
    """Check that tensors are stored as plain numbers.

    Raises:
        UserError: If one is stored otherwise.
    """
    for name, value in tensors.items():
        kind = str(value.dtype).removeprefix('torch.')
        if value.is_meta:
            kind = 'a meta tensor, a shape without values'
        elif value.layout != torch.strided:
            kind = 'a sparse tensor'
        elif not (value.is_quantized or kind.startswith('float8')):
            continue
        raise UserError(
            f"'{path}' holds '{name}' as {kind}: such weights aren't read; save it as float32."
        )


def _is_state_dict(content: object) -> bool:
    if not isinstance(content, dict) or not content:
        return False
    return all(isinstance(value, Tensor) for value in content.values())


def _kind(content: object) -> str:
    if not isinstance(content, (list, tuple)):
        return f'a {type(content).__name__}'
    of = 'state_dicts' if content and all(isinstance(c, dict) for c in content) else 'values'
    return f'a list of {len(content)} {of}'


def _why_none(content: dict, name: str | None, found: dict) -> str:
    """Say why ``found``, the entry ``name`` of the content or all of it, isn't a state dict."""
    odd = [key for key, value in found.items() if not isinstance(value, Tensor)]
    if len(odd) < len(found):
        return (
            f" alone: '{odd[0]}' among the tensors{f' of {name}' if name else ''} is of type "
            f'{type(found[odd[0]]).__name__}. Save them without it.'
        )
    if any(isinstance(value, _Array) for value in found.values()):
        return ", but numpy's arrays: save them as tensors, by torch.from_numpy."
    if weights := [key for key, value in content.items() if _is_state_dict(value)]:
        return (
            f" at the top, but tensors below '{weights[0]}', an entry that could be anything: save "
            f"them in a file of their own, as dict(state_dict=file['{weights[0]}'])."
        )
    return f' (found: {", ".join(map(str, list(content)[:5])) or "nothing"}).'


def _unwrapped(name: str) -> str:
    """Return a tensor's or module's name without the parts of parallel and compiled wrappers.

    'module' is a wrapper's at the start only: mmengine's momentum encoders have one inside.
    """
    kept = [part for part in name.split('.') if part not in _WRAPPERS]
    return '.'.join(kept[1:] if kept[0] == 'module' else kept)


def _plain_entries(content: dict) -> dict:
    """Return the options, numbers and names among a file's entries."""
    about = {}
    for key, value in content.items():
        if isinstance(value, argparse.Namespace):
            value = vars(value)
        if isinstance(value, dict):
            value = {k: v for k, v in value.items() if isinstance(v, (str, int, float, bool))}
        if isinstance(value, (str, int, float)) or (isinstance(value, dict) and value):
            about[str(key)] = value
    return about
