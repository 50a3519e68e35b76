"""Loading a part of a checkpoint into a module: all of it, or an error that names what doesn't
fit."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping

from mmengine.logging import print_log
from torch import Tensor, nn

from mmmask.utils.errors import UserError

from .architecture import architecture, differences
from .checkpoint import Checkpoint
from .complaint import complaint, listed
from .dialects import MMPRETRAIN, Dialect, dialect_of, to_ours, to_theirs
from .exceptions import Allowed
from .facts import Facts, facts
from .formats import Selection, group_names
from .load_checks import (
    check_heads_needed,
    check_values,
    of_surplus_blocks,
    other_heads,
    other_shapes,
    warn_of_heads,
    warn_of_norm_eps,
)
from .position_embedding import fit_position_embedding
from .relative_position import fit_relative_position


def load_strictly(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection, allow: Allowed
) -> str:
    """Load a part of a checkpoint.

    Args:
        module: A backbone, or a whole model.
        checkpoint: The file.
        selection: Its part that is for this module; positions in it are fitted to the module.
        allow: What need not fit.

    Returns:
        The line that was logged, e.g. 'loaded 54 of 54 tensors of MaskedVisionTransformer from
        epoch_9.pth (teacher), resized 1 (pos_embed 6x6 -> 8x8), ignored 80 (backbone, neck)'.

    Raises:
        UserError: If anything is missing, unexpected, or of another shape or number of heads; if
            values are no numbers or all zero, nothing is loaded, or an exception isn't one. The
            module's values are undefined then.
    """
    targets = module.state_dict()
    dialect = dialect_of(targets)
    ours = to_ours(dialect, targets)[0]
    known = facts(checkpoint, selection)
    part = copy.copy(selection.tensors)  # with its _metadata
    resized = _fit(part, module, ours, known)
    tensors = _renamed(part, dialect)
    check_values(checkpoint, {name: tensors[name] for name in targets if name in tensors})
    missing = [name for name in targets if name not in tensors]
    unexpected = [name for name in tensors if name not in targets]
    shapes = other_shapes(tensors, targets)
    unlike = differences(architecture(part), architecture(ours))
    faults = unlike + other_heads(module, known, allow)
    left, not_in_file = allow.sort_missing(module, missing)
    ignored, not_in_config = allow.sort_unexpected(module, unexpected)
    if not of_surplus_blocks(not_in_file + not_in_config, tensors, targets):
        faults = [fault for fault in faults if not fault.startswith('depth')]
    if not faults and not shapes:
        # Modules may translate old names of their own while they load: what they say then counts.
        missing, unexpected = _load(module, checkpoint, selection, tensors)
        left, not_in_file = allow.sort_missing(module, missing)
        ignored, not_in_config = allow.sort_unexpected(module, unexpected)
    faults += listed('missing in the file', not_in_file)
    faults += listed('not in the config', not_in_config)
    if all(difference.startswith('depth') for difference in unlike):  # others explain shapes
        faults += listed('of another shape', shapes)
    if not faults and targets and len(left) == len(targets):
        faults = ['nothing of it is for this module']
    if faults:
        raise UserError(complaint(module, checkpoint, selection, faults))
    allow.check_needed(missing, unexpected)
    check_heads_needed(module, known, allow)
    warn_of_heads(module, checkpoint, known, part)
    warn_of_norm_eps(module, checkpoint, known)
    ignored += selection.others
    line = (
        f'loaded {len(targets) - len(left)} of {len(targets)} tensors of {type(module).__name__} '
        f'from {checkpoint.path} ({selection.label})'
    )
    for what, names, told in (
        ('resized', resized, resized),
        ('ignored', ignored, group_names(ignored)),
        ('left', left, left[:4] + ['...'] * (len(left) > 4)),
    ):
        if names:
            as_it_is = ' as initialised' if what == 'left' else ''
            line += f', {what} {len(names)}{as_it_is} ({", ".join(told)})'
    print_log(line, logger='current')
    return line


def _fit(
    tensors: OrderedDict[str, Tensor],
    module: nn.Module,
    targets: Mapping[str, Tensor],
    known: Facts,
) -> list[str]:
    """Fit positions to the module; gives what was resized. All names are mmpretrain's."""
    resized = fit_position_embedding(tensors, module, known.grid)
    resized += fit_relative_position(tensors, targets)
    _drop_zero_bias(tensors, targets)
    return resized


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
        raise UserError(complaint(module, checkpoint, selection, [reason])) from error
    return list(result.missing_keys), list(result.unexpected_keys)
