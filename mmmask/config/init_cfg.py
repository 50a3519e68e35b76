"""Find the entry of an ``init_cfg`` that reads a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

PLACEHOLDER = 'SET-ME'
"""The checkpoint of our configs until the user names one."""


def pretrained_of(init_cfg: object) -> Mapping | None:
    """Return the last entry of an ``init_cfg`` that reads a checkpoint; None if none does.

    Args:
        init_cfg: A dict, a list of them, or anything else. An entry's type may be 'Pretrained',
            the same with a scope ('mmengine.Pretrained'), or the class.
    """
    entries = init_cfg if isinstance(init_cfg, (list, tuple)) else [init_cfg]
    mine = [entry for entry in entries if isinstance(entry, Mapping) and _reads(entry.get('type'))]
    return mine[-1] if mine else None


def _reads(kind: object) -> bool:
    if isinstance(kind, str):
        return kind.rpartition('.')[2] == 'Pretrained'
    return kind is PretrainedInit or kind is WEIGHT_INITIALIZERS.module_dict['Pretrained']


def with_plain_names(init_cfg: object) -> object:
    """Return an ``init_cfg`` with 'Pretrained' as the type of the entries that read checkpoints.

    mmengine and many backbones look for just this name: they initialise everything else before it,
    and nothing after it.
    """
    if isinstance(init_cfg, (list, tuple)):
        return [with_plain_names(entry) for entry in init_cfg]
    return init_cfg if pretrained_of(init_cfg) is None else {**init_cfg, 'type': 'Pretrained'}


def mark_loaded(module: nn.Module, path: str) -> None:
    """Note on a module which file its ``init_cfg`` was read from."""
    module._loaded_from = path


def was_loaded(module: nn.Module) -> bool:
    """Return True if the module's ``init_cfg`` was read, which an ``init_weights`` may skip."""
    return hasattr(module, '_loaded_from')
