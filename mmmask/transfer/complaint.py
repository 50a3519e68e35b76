"""What to say of a file that doesn't fit, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from .checkpoint import Checkpoint
from .dialects import MMPRETRAIN, dialect_of
from .formats import Selection, format_of, known_below

_PATCH = 'patch_embed.projection.weight'
_SAME = 'Make the config the one it was trained with (python tools/inspect_checkpoint.py prints it)'


def complaint(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection, faults: list[str]
) -> str:
    """One line: the file, its part, what is wrong with it, and what to do."""
    targets = module.state_dict()
    if any(name.startswith('backbone.') for name in targets):
        advice = _for_whole_model(targets, checkpoint)
    else:
        advice = _for_backbone(checkpoint, selection)
    return (
        f"{checkpoint.path} ({selection.label}) doesn't fit {type(module).__name__}: "
        f'{"; ".join(faults)}. {advice}'
    )


def listed(what: str, names: list[str]) -> list[str]:
    """'3 missing in the file (a, b, c)', or nothing."""
    more = ', ...' if len(names) > 3 else ''
    return [f'{len(names)} {what} ({", ".join(names[:3])}{more})'] if names else []


def _for_whole_model(targets: Iterable[str], checkpoint: Checkpoint) -> str:
    kind = format_of(checkpoint.state_dict)
    if format_of(targets) is kind or not _has_backbone_alone(checkpoint):
        return f'{_SAME}.'
    return (
        f'It is a pre-training checkpoint ({kind.name}), which a training starts from by '
        f'model.backbone.init_cfg.checkpoint={checkpoint.path}.'
    )


def _has_backbone_alone(checkpoint: Checkpoint) -> bool:
    """Whether a file has a backbone that isn't a part of a classifier's, detector's or
    segmenter's."""
    names = checkpoint.state_dict
    prefixes = set(format_of(names).prefixes.values())
    if prefixes != {''}:
        return prefixes != {'backbone.'}
    return _PATCH in names or dialect_of(names) is not MMPRETRAIN or bool(known_below(checkpoint))


def _for_backbone(checkpoint: Checkpoint, selection: Selection) -> str:
    places = known_below(checkpoint)
    if places and _PATCH not in selection.tensors:
        prefixes = ' or '.join(f"'{place}'" for place in places[:4])
        return f'Its backbone is elsewhere: set init_cfg.prefix={prefixes}.'
    return (
        f'{_SAME}, or name each exception in init_cfg.allow=dict(missing=[...], unexpected=[...]).'
    )
