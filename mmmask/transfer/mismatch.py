"""Find what doesn't fit between a file and a module, and say it in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor, nn

from mmmask.utils.errors import UserError

from .checkpoint import Checkpoint
from .description import activation_of, backbone_config, backbone_kinds, heads_of
from .formats import BARE, Selection, format_of, known_below
from .names import MMPRETRAIN, PATCH_PROJECTION, TABLE, naming_of
from .settings import Settings, model_beside

# Names that need not fit, by pattern and for which modules.
_UNEXPECTED = (
    (r'mask_token', lambda module: True),
    (r'ln1\..*', lambda module: getattr(module, 'final_norm', True) is False),
    (r'ln2\..*', lambda module: not hasattr(module, 'ln2')),  # behind a mean over patches
    (r'(.*\.)?relative_position_index', lambda module: True),
    (r'norm[0-3]\..*', lambda module: hasattr(module, 'stages')),  # Swin's, one for each output
    (r'(fc|head|classifier)\..*', lambda module: not hasattr(module, 'backbone')),  # a classifier's
)
_MISSING = (
    (r'mask_token', lambda module: True),
    (r'ln2\..*', lambda module: getattr(module, 'out_type', None) == 'avg_featmap'),
    (r'(.*\.)?relative_position_index', lambda module: True),
    (r'norm[0-2]\..*', lambda module: hasattr(module, 'stages')),
    (r'(.*\.)?num_batches_tracked', lambda module: True),
)
_BLOCK = re.compile(r'(backbone\.)?(layers|blocks|stages\.\d+\.blocks)\.\d+\.')
_BODY = re.compile(
    r'(layers|blocks|stages|rel_pos_bias)\.|patch_embed|pos_embed|absolute_pos|pre_norm|\w+_tokens?$'
)
_SAME = 'Make the config the one it was trained with (mmmask inspect prints it)'


@dataclass(frozen=True)
class Allowed:
    """Exceptions that a user names: names of tensors, or patterns with ``*``.

    Attributes:
        missing: Tensors of the module that the file need not have, or has in another shape, as the
            heads for other classes.
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

    def sort(
        self, module: nn.Module, missing: list[str], unexpected: list[str]
    ) -> tuple[list[str], list[str], list[str], list[str]]:
        """Split names that the file lacks, and those that the module lacks, each into allowed ones
        and faults.
        """
        found = []
        for names, allowed, rules in (
            (missing, self.missing, _MISSING),
            (unexpected, self.unexpected, _UNEXPECTED),
        ):
            rules = [pattern for pattern, applies in rules if applies(module)]
            fine = [
                name
                for name in names
                if matches(name, allowed) or any(re.fullmatch(rule, name) for rule in rules)
            ]
            found += [fine, [name for name in names if name not in fine]]
        return tuple(found)

    def check_needed(
        self, missing: list[str], unexpected: list[str], heads: int | None, in_config: int | None
    ) -> None:
        """Check that every exception is one, by the names that don't fit and by both sides' heads.

        Raises:
            UserError: If an exception isn't needed.
        """
        for side, names in (('missing', missing), ('unexpected', unexpected)):
            for pattern in getattr(self, side):
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


def check_values(checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> None:
    """Check that values are finite, not all of them zero, and no whole numbers.

    Raises:
        UserError: If they aren't.
    """
    if fault := broken_values(tensors):
        advice = 'take a checkpoint from before its training diverged, or save it again in float32'
        raise UserError(f'{checkpoint.path} is broken: {fault}; {advice}.')


def broken_values(tensors: Mapping[str, Tensor]) -> str:
    """Describe values that no trained network has, '' if all is well.

    They aren't finite, all zero, or whole numbers (quantised), which mean nothing without a scale.
    """
    floating = {name: v.is_floating_point() for name, v in tensors.items()}
    whole = [name for name in tensors if name.endswith('weight') and not floating[name]]
    if whole:
        return ''.join(listed('whole numbers (quantised weights) without their scales', whole))
    all_zero = any(floating.values()) and not any(tensors[n].any() for n in tensors if floating[n])
    return not_finite(tensors) or ('every value is zero' if all_zero else '')


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Describe the tensors that hold NaN or infinite values, '' if none does."""
    broken = [name for name, value in tensors.items() if not value.isfinite().all()]
    return ''.join(listed('with NaN or infinity', broken))


def other_shapes(tensors: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, str]:
    """Describe the tensors whose shape isn't that of the module's tensor of this name, by name."""
    return {
        name: f'{name} {tuple(value.shape)} in the file, {tuple(targets[name].shape)} in the config'
        for name, value in tensors.items()
        if name in targets and value.shape != targets[name].shape
    }


def of_surplus_blocks(names: Iterable[str], tensors: Iterable[str], targets: Iterable[str]) -> bool:
    """Return True if some names are of blocks that only the file or only the module has."""
    blocks = (
        {match[0] for name in side if (match := _BLOCK.match(name))}
        for side in (names, tensors, targets)
    )
    faulty, in_file, in_module = blocks
    return bool(faulty - (in_file & in_module))


def check_computable(
    module: nn.Module,
    checkpoint: Checkpoint,
    settings: Settings,
    tensors: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
) -> None:
    """Check that a module can compute what a file's network does, which no tensor shows.

    Nothing that a config or an exception changes would help here, so that none is advised.

    Args:
        module: The backbone, or a whole model.
        checkpoint: The file.
        settings: What the file says of its network.
        tensors: The file's, by mmpretrain's names.
        targets: The module's, by the same names.

    Raises:
        UserError: If the model that the file names isn't a plain ViT, BEiT or Swin. If the file
            has a transformer without positions, and the module has some.
    """
    start = f"{checkpoint.path} can't be loaded into {type(module).__name__}"
    kind = type(getattr(module, 'backbone', module))
    is_own = kind.__name__ in backbone_kinds(backbone_config(checkpoint))
    if settings.unlike and kind.__module__.startswith('mm') and not is_own:
        raise UserError(f'{start}: it is a {settings.model}: {settings.unlike}.')
    has_positions = any(name == 'pos_embed' or name.endswith(TABLE) for name in tensors)
    if 'pos_embed' in targets and 'layers.0.attn.qkv.weight' in tensors and not has_positions:
        raise UserError(
            f'{start}: the file has no position embeddings, so its positions are rotary, as '
            "DINOv3's, or there are none. No backbone here computes that."
        )


def other_settings(module: nn.Module, settings: Settings, allow: Allowed) -> list[str]:
    """Describe other numbers of attention heads and another activation, which no shape shows."""
    faults = []
    heads, act = heads_of(module), activation_of(module)
    if not allow.heads and None not in (heads, settings.heads) and heads != settings.heads:
        faults.append(
            f'number of attention heads {settings.heads} in the file (from {settings.heads_from}), '
            f'{heads} in the config'
        )
        if not hasattr(module, 'backbone'):  # not by load_from
            faults[-1] += ' (init_cfg.allow=dict(heads=True) if you know better)'
    if None not in (act, settings.activation) and act != settings.activation:
        faults.append(
            f'activation {settings.activation} in the file ({settings.model}), {act} in the config'
        )
    return faults


def listed(what: str, names: list[str]) -> list[str]:
    """Return ['3 missing in the file (a, b, c)'], or [] without names."""
    more = ', ...' if len(names) > 3 else ''
    return [f'{len(names)} {what} ({", ".join(names[:3])}{more})'] if names else []


def mismatch_error(
    module: nn.Module,
    checkpoint: Checkpoint,
    selection: Selection,
    faults: list[str],
    names: list[str],
) -> UserError:
    """Return the error that names the file, its part, the faults, and what to do.

    Exceptions are advised for ``names`` outside of the body only: a body that lacks a part computes
    something else. ``names`` is empty where there are faults besides names.
    """
    targets = module.state_dict()
    kind, places = format_of(checkpoint.state_dict), known_below(checkpoint)
    named = model_beside(checkpoint)
    advice = f'{_SAME}.'
    if any(name.startswith('backbone.') for name in targets):
        if format_of(targets) is not kind and _is_backbone(checkpoint):
            advice = (
                f'It is a pre-training checkpoint ({kind.name}), which a training starts from by '
                f'model.backbone.init_cfg.checkpoint={checkpoint.path}.'
            )
        elif names and all(name in targets and name in selection.tensors for name in names):
            advice = (
                'To start from it for other classes, leave these tensors out by name: '
                f"load_from=None, model.init_cfg=dict(type='Pretrained', "
                f"checkpoint='{checkpoint.path}', allow=dict(missing={names}))."
            )
    elif places and PATCH_PROJECTION not in selection.tensors:
        prefixes = ' or '.join(f"'{place}'" for place in places[:4])
        advice = f'Its backbone is elsewhere: set init_cfg.prefix={prefixes}.'
    elif named and selection.naming is MMPRETRAIN and selection.format is BARE:
        advice = f'config.json beside it names a {named}, whose tensors have no known names here.'
    elif names and not any(map(_BODY.match, names)):
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
