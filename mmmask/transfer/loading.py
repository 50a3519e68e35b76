"""Loading a part of a checkpoint into a module: all of it, or an error that names what doesn't
fit."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping

from mmengine.logging import print_log
from torch import Tensor, nn

from mmmask.errors import UserError

from .architecture import architecture, differences, heads_of, norm_eps_of
from .checkpoint import Checkpoint
from .dialects import MMPRETRAIN, Dialect, dialect_of, to_ours, to_theirs
from .exceptions import Allowed
from .facts import Facts, facts
from .formats import Selection, group_names
from .position_embedding import fit_position_embedding
from .relative_position import fit_relative_position


def load_strictly(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection, allow: Allowed
) -> str:
    """Load a part of a checkpoint.

    Args:
        module: A backbone, or a whole model.
        checkpoint: The file.
        selection: Its part that is for this module; position embeddings in it are fitted to it.
        allow: What need not fit.

    Returns:
        The line that was logged, e.g. 'loaded 54 of 54 tensors of MaskedVisionTransformer from
        epoch_9.pth (teacher), resized 1 (pos_embed 6x6 -> 8x8), ignored 80 (backbone, neck)'.

    Raises:
        UserError: If anything is missing, unexpected, or of another shape or number of heads. The
            module's values are undefined then.
    """
    targets = module.state_dict()
    dialect = dialect_of(targets)
    resized, faults = _fit(module, checkpoint, selection, to_ours(dialect, targets)[0], allow)
    tensors = _renamed(selection.tensors, dialect)
    shapes = [
        f'{name} {tuple(value.shape)} in the file, {tuple(targets[name].shape)} in the config'
        for name, value in tensors.items()
        if name in targets and value.shape != targets[name].shape
    ]
    missing = [name for name in targets if name not in tensors]
    unexpected = [name for name in tensors if name not in targets]
    if not faults and not shapes:
        # Modules may translate old names of their own while they load: what they say then counts.
        missing, unexpected = _load(module, checkpoint, selection, tensors)
    left, missing = allow.sort_missing(module, missing)
    ignored, unexpected = allow.sort_unexpected(module, unexpected)
    faults += _listed('missing in the file', missing) + _listed('not in the config', unexpected)
    faults += _listed('of another shape', shapes if not faults else [])
    if faults:
        raise UserError(_complaint(module, checkpoint, selection, faults))
    ignored += selection.others
    count = f'{len(targets) - len(left)} of {len(targets)}'
    parts = [
        f'loaded {count} tensors of {type(module).__name__} from {checkpoint.path} '
        f'({selection.label})'
    ]
    for what, names, told in (
        ('resized {}', resized, resized),
        ('ignored {}', ignored, group_names(ignored)),
        ('left {} as initialised', left, left[:4] + ['...'] * (len(left) > 4)),
    ):
        if names:
            parts.append(f'{what.format(len(names))} ({", ".join(told)})')
    line = ', '.join(parts)
    print_log(line, logger='current')
    return line


def _fit(
    module: nn.Module,
    checkpoint: Checkpoint,
    selection: Selection,
    targets: Mapping[str, Tensor],
    allow: Allowed,
) -> tuple[list[str], list[str]]:
    """Fit positions to the module; gives what was resized, and how architectures differ.

    ``targets`` are the module's tensors by mmpretrain's names.
    """
    known = facts(checkpoint, selection)
    tensors = selection.tensors
    resized = fit_position_embedding(tensors, module, known.grid)
    resized += fit_relative_position(tensors, targets)
    _drop_zero_bias(tensors, targets)
    faults = differences(architecture(tensors), architecture(targets))
    if not allow.heads:
        faults += _heads(module, checkpoint, known)
    _warn_of_norm_eps(module, checkpoint, known)
    return resized, faults


def _drop_zero_bias(tensors: OrderedDict[str, Tensor], targets: Mapping[str, Tensor]) -> None:
    """A patch projection's bias of zeros is nothing to a module without one (mmseg's ViT)."""
    name = 'patch_embed.projection.bias'
    if name in tensors and name not in targets and not tensors[name].any():
        del tensors[name]


def _renamed(tensors: OrderedDict[str, Tensor], dialect: Dialect) -> OrderedDict[str, Tensor]:
    """The tensors by the module's names; those that it has none for keep theirs."""
    if dialect is MMPRETRAIN:
        return tensors
    result = OrderedDict()
    for name, value in tensors.items():
        try:
            result.update(to_theirs(dialect, {name: value}))
        except KeyError:
            result[name] = value
    return result


def _heads(module: nn.Module, checkpoint: Checkpoint, known: Facts) -> list[str]:
    """Another number of attention heads, which no tensor's shape shows."""
    in_config = heads_of(module)
    if in_config is None:
        return []
    if known.heads is None:
        print_log(
            f"{checkpoint.path} doesn't tell its number of attention heads: make sure that it is "
            f'{in_config}, as in the config.',
            logger='current',
            level=logging.WARNING,
        )
        return []
    if known.heads == in_config:
        return []
    return [
        f'number of attention heads {known.heads} in the file (from {known.heads_from}), '
        f'{in_config} in the config (init_cfg.allow=dict(heads=True) if you know better)'
    ]


def _warn_of_norm_eps(module: nn.Module, checkpoint: Checkpoint, known: Facts) -> None:
    """Another epsilon in layer norms changes features a little where tokens hardly vary."""
    in_config = norm_eps_of(module)
    if known.norm_eps and known.heads and known.norm_eps != in_config:
        print_log(
            f'{checkpoint.path} was trained with layer norms of eps={known.norm_eps:g}, the config '
            f"has {in_config:g}: set norm_cfg=dict(type='LN', eps={known.norm_eps:g}).",
            logger='current',
            level=logging.WARNING,
        )


def _load(
    module: nn.Module,
    checkpoint: Checkpoint,
    selection: Selection,
    tensors: OrderedDict[str, Tensor],
) -> tuple[list[str], list[str]]:
    """Copy the tensors; gives the names that are missing and unexpected."""
    try:
        result = module.load_state_dict(tensors, strict=False)
    except Exception as error:  # whatever a module's own hook stumbles over
        reason = ' '.join(str(error).split())[:300] or type(error).__name__
        raise UserError(_complaint(module, checkpoint, selection, [reason])) from error
    return list(result.missing_keys), list(result.unexpected_keys)


def _listed(what: str, names: list[str]) -> list[str]:
    """'3 missing in the file (a, b, c)', or nothing."""
    more = ', ...' if len(names) > 3 else ''
    return [f'{len(names)} {what} ({", ".join(names[:3])}{more})'] if names else []


def _complaint(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection, faults: list[str]
) -> str:
    return (
        f"{checkpoint.path} ({selection.label}) doesn't fit {type(module).__name__}: "
        f'{"; ".join(faults)}. Make the config the one it was trained with (python '
        'tools/inspect_checkpoint.py prints it), or name each exception in '
        'init_cfg.allow=dict(missing=[...], unexpected=[...]).'
    )
