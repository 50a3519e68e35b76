"""Which tensors of a file are the backbone's: one entry for each known kind of file."""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from mmmask.utils.errors import UserError

from .checkpoint import Checkpoint
from .dialects import MMPRETRAIN, MMSEG_VIT, NARROW_HEADS, Dialect, dialect_of, to_ours

_PATCH_PROJECTION = re.compile(
    r'((?:.+?\.)?)(?:patch_embed\.proj(?:ection)?|embeddings\.patch_embeddings\.projection)\.weight'
)
SOURCES = ('auto', 'teacher', 'student')


@dataclass(frozen=True)
class Format:
    """A kind of file. What its backbone's tensors are called below the prefix is the dialect's
    matter.

    Attributes:
        name: What it is called in messages.
        markers: Prefixes, of which each is one of some names in every such file; the first format
            whose markers occur is the file's.
        prefixes: Where the backbones are, by source: 'auto' takes the first that the file has.
        heads: Attention heads by (width, depth), where the format's architectures have other ones
            than the dialect's.
        normalisation: What its images are normalised with, where the format tells.
        norm_eps: Epsilon of layer norms, where the format's models agree in another one than the
            dialect's.
    """

    name: str
    markers: tuple[str, ...]
    prefixes: dict[str, str]
    heads: Mapping[tuple[int, int], int] | None = None
    normalisation: str | None = None
    norm_eps: float | None = None


FORMATS = (
    Format(
        'DINO or iBOT',
        markers=('student.backbone.',),
        prefixes={'teacher': 'teacher.backbone.', 'student': 'student.backbone.'},
        normalisation='imagenet',
        norm_eps=1e-6,
    ),
    Format(
        'self-distillation',
        markers=('teacher.backbone.',),
        prefixes={'teacher': 'teacher.backbone.', 'student': 'backbone.'},
    ),
    Format(
        'mmselfsup 0.x MoCo v3',
        markers=('base_encoder.0.',),
        prefixes={'student': 'base_encoder.0.', 'teacher': 'momentum_encoder.0.'},
        heads=NARROW_HEADS,
        normalisation='imagenet',
    ),
    Format(
        'MoCo v3',
        markers=('base_encoder.',),
        prefixes={'student': 'base_encoder.', 'teacher': 'momentum_encoder.'},
        heads=NARROW_HEADS,
        normalisation='imagenet',
    ),
    Format(
        'mmselfsup 0.x BYOL',
        markers=('online_net.0.',),
        prefixes={'student': 'online_net.0.', 'teacher': 'target_net.0.'},
    ),
    Format(
        'mmpretrain model with a momentum encoder',
        markers=('momentum_encoder.module.0.',),
        prefixes={'student': 'backbone.', 'teacher': 'momentum_encoder.module.0.'},
    ),
    Format(
        'mmpretrain model with a target network',
        markers=('target_net.module.0.',),
        prefixes={'student': 'backbone.', 'teacher': 'target_net.module.0.'},
    ),
    Format('mmpretrain model', markers=('backbone.',), prefixes={'student': 'backbone.'}),
    Format(
        'CAE',
        markers=('encoder.blocks.', 'teacher.blocks.'),
        prefixes={'student': 'encoder.', 'teacher': 'teacher.'},
        heads=NARROW_HEADS,
        normalisation='imagenet',
    ),
    Format(
        'teacher and student',
        markers=('teacher.', 'student.'),
        prefixes={'teacher': 'teacher.', 'student': 'student.'},
    ),
    Format('student', markers=('student.',), prefixes={'student': 'student.'}),
    *(
        Format(
            f'Hugging Face {name} model', markers=(f'{name}.',), prefixes={'student': f'{name}.'}
        )
        for name in ('vit', 'dinov2', 'dinov2_with_registers')
    ),
    Format('bare backbone', markers=('',), prefixes={'student': ''}),
)


@dataclass(frozen=True)
class Selection:
    """A part of a file.

    Attributes:
        label: Which part it is, for messages.
        tensors: The part's tensors by mmpretrain's names; versions of modules in ``_metadata``.
        others: Names of the file's other tensors.
        format: The file's kind; None where the user named a prefix or takes the whole.
        dialect: How the file names the part's tensors.
    """

    label: str
    tensors: OrderedDict[str, Tensor]
    others: tuple[str, ...]
    format: Format | None = None
    dialect: Dialect = MMPRETRAIN


def format_of(names: Iterable[str]) -> Format:
    """A file's kind by its tensors' names."""
    names = list(names)
    return next(
        kind
        for kind in FORMATS
        if all(any(name.startswith(marker) for name in names) for marker in kind.markers)
    )


def known_below(checkpoint: Checkpoint) -> list[str]:
    """Prefixes below which a file has a backbone by a known dialect's or mmpretrain's names, e.g.
    ``['encoder.']``: what ``init_cfg.prefix`` may be where no format is found."""
    names = list(checkpoint.state_dict)
    prefixes = dict.fromkeys(m[1] for name in names if (m := _PATCH_PROJECTION.fullmatch(name)))
    return [
        prefix
        for prefix in prefixes
        if prefix and _is_known([n[len(prefix) :] for n in names if n.startswith(prefix)])
    ]


def _is_known(names: list[str]) -> bool:
    return dialect_of(names) is not MMPRETRAIN or 'patch_embed.projection.weight' in names


def select(
    checkpoint: Checkpoint, source: str, prefix: str | None, targets: Iterable[str]
) -> Selection:
    """The part of a checkpoint that a module is to be loaded from, by mmpretrain's names.

    Args:
        checkpoint: The file.
        source: 'teacher', 'student', or 'auto': the first that the format has.
        prefix: Takes the tensors below it instead of detecting the format, as mmengine does; ''
            takes all.
        targets: Names of the module's tensors. A module that has a ``backbone.`` of its own is a
            whole model and takes the file as it is.

    Raises:
        UserError: If the file has no such part.
    """
    if prefix is not None:
        if source != 'auto':
            raise UserError(
                f"Give init_cfg.source='{source}' or init_cfg.prefix='{prefix}', not both."
            )
        prefix = prefix if prefix.endswith('.') or not prefix else prefix + '.'
        return _translated(_below(checkpoint, prefix, f"prefix '{prefix}'"))
    if any(name.startswith('backbone.') for name in targets):
        if source != 'auto':
            raise UserError(f"init_cfg.source='{source}' is a backbone's, not a whole model's.")
        return whole(checkpoint)
    return select_backbone(checkpoint, source)


def select_backbone(checkpoint: Checkpoint, source: str = 'auto') -> Selection:
    """A checkpoint's backbone; arguments and errors as :func:`select`'s."""
    kind = format_of(checkpoint.state_dict)
    sources = available_sources(checkpoint)
    source = sources[0] if source == 'auto' else source
    if source not in sources:
        raise UserError(
            f'{checkpoint.path} ({kind.name}) has no {source}: set init_cfg.source to '
            f'{" or ".join(["auto", *sources])}.'
        )
    label = source if len(kind.prefixes) > 1 else kind.name
    part = _translated(_below(checkpoint, kind.prefixes[source], label))
    return dataclasses.replace(part, format=kind)


def available_sources(checkpoint: Checkpoint) -> list[str]:
    """Which of a format's backbones a file has, the first of which 'auto' takes."""
    return [
        source
        for source, prefix in format_of(checkpoint.state_dict).prefixes.items()
        if any(name.startswith(prefix) for name in checkpoint.state_dict)
    ]


def _translated(part: Selection) -> Selection:
    """The same with mmpretrain's names."""
    dialect = dialect_of(part.tensors)
    if dialect is MMPRETRAIN:
        return part
    tensors, others = to_ours(dialect, part.tensors)
    if dialect is MMSEG_VIT:
        _add_zero_bias(tensors)
    return Selection(
        f'{part.label}, {dialect.name}', tensors, (*part.others, *others), dialect=dialect
    )


def _add_zero_bias(tensors: OrderedDict[str, Tensor]) -> None:
    """A patch projection without a bias (mmseg's ViT by default) is one whose bias is zero."""
    projection = tensors.get('patch_embed.projection.weight')
    if projection is not None:
        bias = projection.new_zeros(len(projection))
        tensors.setdefault('patch_embed.projection.bias', bias)


def whole(checkpoint: Checkpoint) -> Selection:
    """All of a file, for a whole model."""
    return _below(checkpoint, '', 'whole model')


def _below(checkpoint: Checkpoint, prefix: str, label: str) -> Selection:
    state_dict = checkpoint.state_dict
    inside = [name for name in state_dict if name.startswith(prefix)]
    if not inside:
        groups = ', '.join(f"'{group}.'" for group in group_names(state_dict))
        raise UserError(f"{checkpoint.path} has no tensor below '{prefix}', but below {groups}.")
    tensors = OrderedDict((name[len(prefix) :], state_dict[name]) for name in inside)
    versions = getattr(state_dict, '_metadata', None)
    if versions is not None:
        tensors._metadata = OrderedDict(
            (name[len(prefix) :], versions[name])
            for name in versions
            if f'{name}.'.startswith(prefix)
        )
    return Selection(label, tensors, tuple(n for n in state_dict if not n.startswith(prefix)))


def group_names(names: Iterable[str]) -> list[str]:
    """Parts that tensors belong to: first components of names, two for a teacher's; at most 8."""
    depths = ((name.split('.'), 2 if name.startswith('teacher.') else 1) for name in names)
    return sorted({'.'.join(parts[:depth]) for parts, depth in depths})[:8]
