"""What names don't show of a file that is to be loaded: its values, blocks, heads and epsilon."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping

from mmengine.logging import print_log
from torch import Tensor, nn

from mmmask.utils.errors import UserError

from .architecture import heads_of, norm_eps_of
from .checkpoint import Checkpoint
from .complaint import listed
from .exceptions import Allowed
from .facts import Facts

_BLOCK = re.compile(r'(backbone\.)?(layers|blocks|stages\.\d+\.blocks)\.\d+\.')
_TABLE = 'relative_position_bias_table'


def check_values(checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> None:
    """What is to be loaded must be numbers, and not all of them zero.

    Raises:
        UserError: It isn't.
    """
    floating = {name: value for name, value in tensors.items() if value.is_floating_point()}
    broken = [name for name, value in floating.items() if not value.isfinite().all()]
    if broken:
        raise UserError(
            f'{checkpoint.path} is broken: {listed("with NaN or infinity", broken)[0]}. Take one '
            'from before its training diverged.'
        )
    if floating and not any(value.any() for value in floating.values()):
        raise UserError(f'{checkpoint.path} is broken: every value is zero. Save it again.')


def other_shapes(tensors: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> list[str]:
    """What is called alike and shaped otherwise."""
    return [
        f'{name} {tuple(value.shape)} in the file, {tuple(targets[name].shape)} in the config'
        for name, value in tensors.items()
        if name in targets and value.shape != targets[name].shape
    ]


def of_surplus_blocks(names: Iterable[str], tensors: Iterable[str], targets: Iterable[str]) -> bool:
    """Whether some of the names are of blocks that only the file or only the module has."""
    return bool(_blocks(names) - (_blocks(tensors) & _blocks(targets)))


def _blocks(names: Iterable[str]) -> set[str]:
    return {match[0] for name in names if (match := _BLOCK.match(name))}


def other_heads(module: nn.Module, known: Facts, allow: Allowed) -> list[str]:
    """Another number of attention heads, which no tensor's shape shows."""
    in_config = heads_of(module)
    if allow.heads or in_config is None or known.heads in (None, in_config):
        return []
    fault = (
        f'number of attention heads {known.heads} in the file (from {known.heads_from}), '
        f'{in_config} in the config'
    )
    if not hasattr(module, 'backbone'):  # no load_from
        fault += ' (init_cfg.allow=dict(heads=True) if you know better)'
    return [fault]


def check_heads_needed(module: nn.Module, known: Facts, allow: Allowed) -> None:
    """``heads=True`` must be needed where heads are known.

    Raises:
        UserError: It isn't.
    """
    if allow.heads and known.heads is not None and known.heads == heads_of(module):
        raise UserError(
            f'init_cfg.allow names heads=True, but there are {known.heads} in the file and in the '
            'config: remove it.'
        )


def warn_of_heads(
    module: nn.Module, checkpoint: Checkpoint, known: Facts, tensors: Iterable[str]
) -> None:
    """Say it where neither the file nor tables of relative positions tell attention heads."""
    in_config = heads_of(module)
    if known.heads or in_config is None or any(name.endswith(_TABLE) for name in tensors):
        return
    _warn(
        f"{checkpoint.path} doesn't tell its number of attention heads: make sure that it is "
        f'{in_config}, as in the config.'
    )


def warn_of_norm_eps(module: nn.Module, checkpoint: Checkpoint, known: Facts) -> None:
    """Another epsilon in layer norms changes features a little where tokens hardly vary."""
    in_config = norm_eps_of(module)
    if known.norm_eps and known.norm_eps != in_config:
        norm = f"norm_cfg=dict(type='LN', eps={known.norm_eps:g})"
        if hasattr(module, 'stages'):  # mmpretrain's Swin, whose own is for its outputs only
            norm = (
                f'{norm}, patch_cfg, stage_cfgs.block_cfgs and stage_cfgs.downsample_cfg to '
                'dicts with the same'
            )
        _warn(
            f'{checkpoint.path} was trained with layer norms of eps={known.norm_eps:g}, the config '
            f'has {in_config:g}: set {norm}.'
        )


def _warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
