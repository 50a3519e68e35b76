"""Loading a part of a checkpoint into a module: all of it, or an error that names what doesn't
fit."""

from __future__ import annotations

import logging

from mmengine.logging import print_log
from torch import nn

from mmmask.errors import UserError

from .architecture import architecture, differences, heads_of
from .checkpoint import Checkpoint
from .exceptions import Allowed
from .formats import Selection, group_names
from .metadata import backbone_config, num_heads, patch_grid
from .position_embedding import fit_position_embedding


def load_strictly(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection, allow: Allowed
) -> str:
    """Load a part of a checkpoint.

    Args:
        module: A backbone, or a whole model.
        checkpoint: The file.
        selection: Its part that is for this module; position embeddings in it are resized.
        allow: What need not fit.

    Returns:
        The line that was logged, e.g. 'loaded 54 of 54 tensors of MaskedVisionTransformer from
        epoch_9.pth (teacher), resized 1 (pos_embed 6x6 -> 8x8), ignored 80 (backbone, neck)'.

    Raises:
        UserError: If anything is missing, unexpected, or of another shape or number of heads. The
            module's values are undefined then.
    """
    targets = module.state_dict()
    backbone = backbone_config(checkpoint)
    resized = fit_position_embedding(selection.tensors, module, patch_grid(backbone))
    faults = differences(architecture(selection.tensors), architecture(targets))
    faults += _heads(module, checkpoint, num_heads(backbone))
    shapes = [
        f'{name} {tuple(value.shape)} in the file, {tuple(targets[name].shape)} in the config'
        for name, value in selection.tensors.items()
        if name in targets and value.shape != targets[name].shape
    ]
    missing = [name for name in targets if name not in selection.tensors]
    unexpected = [name for name in selection.tensors if name not in targets]
    if not faults and not shapes:
        # Modules may translate old names of their own while they load: what they say then counts.
        missing, unexpected = _load(module, checkpoint, selection)
    left, missing = allow.sort_missing(module, missing)
    ignored, unexpected = allow.sort_unexpected(module, unexpected)
    faults += _listed('missing in the file', missing) + _listed('not in the config', unexpected)
    faults += _listed('of another shape', shapes if not faults else [])
    if faults:
        raise UserError(_complaint(module, checkpoint, selection, faults))
    ignored += selection.others
    line = ', '.join(
        [
            f'loaded {len(targets) - len(left)} of {len(targets)} tensors of '
            f'{type(module).__name__} from {checkpoint.path} ({selection.label})',
            *([f'resized {len(resized)} ({", ".join(resized)})'] if resized else []),
            *([f'ignored {len(ignored)} ({", ".join(group_names(ignored))})'] if ignored else []),
            *([f'left {len(left)} as initialised ({", ".join(left[:4])})'] if left else []),
        ]
    )
    print_log(line, logger='current')
    return line


def _heads(module: nn.Module, checkpoint: Checkpoint, in_file: int | None) -> list[str]:
    """Another number of attention heads, which no tensor's shape shows."""
    in_config = heads_of(module)
    if in_config is None:
        return []
    if in_file is None:
        print_log(
            f"{checkpoint.path} doesn't tell its number of attention heads: make sure that it is "
            f'{in_config}, as in the config.',
            logger='current',
            level=logging.WARNING,
        )
        return []
    what = 'number of attention heads'
    return differences({what: in_file}, {what: in_config})


def _load(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection
) -> tuple[list[str], list[str]]:
    """Copy the tensors; gives the names that are missing and unexpected."""
    try:
        result = module.load_state_dict(selection.tensors, strict=False)
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
        f'{"; ".join(faults)}. Make the config the one it was trained with, or name each exception '
        'in init_cfg.allow=dict(missing=[...], unexpected=[...]).'
    )
