"""Find what doesn't fit between a file and a module, and say it in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor, nn

from mmmask.utils.errors import UserError

from .checkpoint import Checkpoint
from .description import Settings, heads_of
from .formats import Selection, format_of, known_below
from .names import MMPRETRAIN, PATCH_PROJECTION, naming_of

# Names that need not fit, by pattern and for which modules.
_MAY_BE_UNEXPECTED = (
    (r'mask_token', lambda module: True),
    (r'ln1\..*', lambda module: getattr(module, 'final_norm', True) is False),
    (r'ln2\..*', lambda module: not hasattr(module, 'ln2')),  # behind a mean over patches
    (r'(.*\.)?relative_position_index', lambda module: True),
    (r'norm[0-3]\..*', lambda module: hasattr(module, 'stages')),  # Swin's, one for each output
    (r'(fc|head|classifier)\..*', lambda module: not hasattr(module, 'backbone')),  # a classifier's
)
_MAY_BE_MISSING = (
    (r'mask_token', lambda module: True),
    (r'ln2\..*', lambda module: getattr(module, 'out_type', None) == 'avg_featmap'),
    (r'(.*\.)?relative_position_index', lambda module: True),
    (r'norm[0-2]\..*', lambda module: hasattr(module, 'stages')),
    (r'(.*\.)?num_batches_tracked', lambda module: True),
)
_BLOCK = re.compile(r'(backbone\.)?(layers|blocks|stages\.\d+\.blocks)\.\d+\.')
_SAME = 'Make the config the one it was trained with (mmmask inspect prints it)'


@dataclass(frozen=True)
class Allowed:
    """Exceptions that a user names: names of tensors, or patterns with ``*``.

    Attributes:
        missing: Tensors of the module that the file need not have.
        unexpected: Tensors of the file that the module need not have.
        heads: True if the number of attention heads may differ.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    heads: bool = False

    @classmethod
    def parse(cls, allow: Mapping[str, Iterable[str] | bool] | None) -> Allowed:
        """Read ``init_cfg.allow``.

        Raises:
            UserError: If it isn't a dict of 'missing' and 'unexpected' with names, one or a list,
                and 'heads' with a truth value; or a pattern names no part.
        """
        allow = {} if allow is None else allow
        if not isinstance(allow, Mapping) or set(allow) - {'missing', 'unexpected', 'heads'}:
            raise UserError(
                f'init_cfg.allow is dict(missing=[...], unexpected=[...], heads=True), not {allow}.'
            )
        heads = allow.get('heads', False)
        if not isinstance(heads, bool):
            raise UserError(f'init_cfg.allow.heads is True or False, not {heads!r}.')
        sides = [side for side in allow if side != 'heads']
        return cls(heads=heads, **{side: _patterns(side, allow[side]) for side in sides})

    def sort_missing(self, module: nn.Module, names: list[str]) -> tuple[list[str], list[str]]:
        """Split names that the file lacks into allowed ones and faults."""
        return _sort(module, names, self.missing, _MAY_BE_MISSING)

    def sort_unexpected(self, module: nn.Module, names: list[str]) -> tuple[list[str], list[str]]:
        """Split names that the module lacks into allowed ones and faults."""
        return _sort(module, names, self.unexpected, _MAY_BE_UNEXPECTED)

    def check_needed(
        self, missing: list[str], unexpected: list[str], heads: int | None, in_config: int | None
    ) -> None:
        """Check that every exception is one.

        Args:
            missing: Names that the file lacks.
            unexpected: Names that the module lacks.
            heads: Attention heads of the file, None if unknown.
            in_config: Those of the module.

        Raises:
            UserError: If an exception isn't needed.
        """
        sides = dict(missing=(self.missing, missing), unexpected=(self.unexpected, unexpected))
        for side, (patterns, names) in sides.items():
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise UserError(
                        f"init_cfg.allow names '{pattern}', but that isn't {side}: remove it."
                    )
        if self.heads and heads is not None and heads == in_config:
            raise UserError(
                f'init_cfg.allow names heads=True, but there are {heads} in the file and in the '
                'config: remove it.'
            )


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return True if a tensor's name is one of the names or patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _patterns(side: str, names: object) -> tuple[str, ...]:
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise UserError(f'init_cfg.allow.{side} is a list of names, not {names!r}.')
    for name in names:
        if not re.search(r'\w', name):
            raise UserError(
                f"init_cfg.allow.{side} names '{name}', which is everything or nothing: name the "
                "parts, e.g. 'ln1.*'."
            )
    return tuple(names)


def _sort(
    module: nn.Module, names: list[str], allowed: tuple[str, ...], rules: tuple
) -> tuple[list[str], list[str]]:
    fine = [
        name
        for name in names
        if matches(name, allowed)
        or any(re.fullmatch(pattern, name) and applies(module) for pattern, applies in rules)
    ]
    return fine, [name for name in names if name not in fine]


def check_values(checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> None:
    """Check that the values are finite and not all of them zero.

    Raises:
        UserError: If they aren't.
    """
    if fault := broken_values(tensors):
        advice = 'take a checkpoint from before its training diverged, or save it again'
        raise UserError(f'{checkpoint.path} is broken: {fault}; {advice}.')


def broken_values(tensors: Mapping[str, Tensor]) -> str:
    """Describe values that no trained network has: not finite, or all zero. '' if all is well."""
    floating = [value for value in tensors.values() if value.is_floating_point()]
    all_zero = floating and not any(value.any() for value in floating)
    return not_finite(tensors) or ('every value is zero' if all_zero else '')


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Describe the tensors that hold NaN or infinite values, '' if none does."""
    broken = [name for name, value in tensors.items() if not value.isfinite().all()]
    return ''.join(listed('with NaN or infinity', broken))


def other_shapes(tensors: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> list[str]:
    """Describe the tensors whose shape isn't that of the module's tensor of this name."""
    return [
        f'{name} {tuple(value.shape)} in the file, {tuple(targets[name].shape)} in the config'
        for name, value in tensors.items()
        if name in targets and value.shape != targets[name].shape
    ]


def of_surplus_blocks(names: Iterable[str], tensors: Iterable[str], targets: Iterable[str]) -> bool:
    """Return True if some names are of blocks that only the file or only the module has."""
    blocks = (
        {match[0] for name in side if (match := _BLOCK.match(name))}
        for side in (names, tensors, targets)
    )
    faulty, in_file, in_module = blocks
    return bool(faulty - (in_file & in_module))


def other_heads(module: nn.Module, settings: Settings, allow: Allowed) -> list[str]:
    """Describe another number of attention heads, which no tensor's shape shows."""
    in_config = heads_of(module)
    if allow.heads or in_config is None or settings.heads in (None, in_config):
        return []
    fault = (
        f'number of attention heads {settings.heads} in the file (from {settings.heads_from}), '
        f'{in_config} in the config'
    )
    if not hasattr(module, 'backbone'):  # not by load_from
        fault += ' (init_cfg.allow=dict(heads=True) if you know better)'
    return [fault]


def listed(what: str, names: list[str]) -> list[str]:
    """Return ['3 missing in the file (a, b, c)'], or [] without names."""
    more = ', ...' if len(names) > 3 else ''
    return [f'{len(names)} {what} ({", ".join(names[:3])}{more})'] if names else []


def mismatch_error(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection, faults: list[str]
) -> UserError:
    """Return the error that names the file, its part, the faults, and what to do."""
    targets = module.state_dict()
    kind, places = format_of(checkpoint.state_dict), known_below(checkpoint)
    if any(name.startswith('backbone.') for name in targets):
        advice = f'{_SAME}.'
        if format_of(targets) is not kind and _is_backbone(checkpoint):
            advice = (
                f'It is a pre-training checkpoint ({kind.name}), which a training starts from by '
                f'model.backbone.init_cfg.checkpoint={checkpoint.path}.'
            )
    elif places and PATCH_PROJECTION not in selection.tensors:
        prefixes = ' or '.join(f"'{place}'" for place in places[:4])
        advice = f'Its backbone is elsewhere: set init_cfg.prefix={prefixes}.'
    else:
        exceptions = 'init_cfg.allow=dict(missing=[...], unexpected=[...])'
        advice = f'{_SAME}, or name each exception in {exceptions}.'
    return UserError(
        f"{checkpoint.path} ({selection.label}) doesn't fit {type(module).__name__}: "
        f'{"; ".join(faults)}. {advice}'
    )


def _is_backbone(checkpoint: Checkpoint) -> bool:
    """Return True if a file's backbone isn't a part of a classifier, detector or segmenter."""
    names = checkpoint.state_dict
    prefixes = set(format_of(names).prefixes.values())
    if prefixes != {''}:
        return prefixes != {'backbone.'}
    known = PATCH_PROJECTION in names or naming_of(names) is not MMPRETRAIN
    return known or bool(known_below(checkpoint))
