"""Which tensors of a file are the backbone's: one entry for each known kind of file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from mmmask.errors import UserError

from .checkpoint import Checkpoint

SOURCES = ('auto', 'teacher', 'student')


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: What it is called in messages.
        marker: A prefix of some names in every such file; the first format whose marker occurs is
            the file's.
        prefixes: Where the backbones are, by source; 'auto' takes the first.
    """

    name: str
    marker: str
    prefixes: dict[str, str]


FORMATS = (
    Format(
        'self-distillation',
        marker='teacher.backbone.',
        prefixes={'teacher': 'teacher.backbone.', 'student': 'backbone.'},
    ),
    Format('mmpretrain model', marker='backbone.', prefixes={'student': 'backbone.'}),
    Format('bare backbone', marker='', prefixes={'student': ''}),
)


@dataclass(frozen=True)
class Selection:
    """A part of a file.

    Attributes:
        label: Which part it is, for messages.
        tensors: The part's tensors by their names within it; versions of modules in ``_metadata``.
        others: Names of the file's other tensors.
    """

    label: str
    tensors: OrderedDict[str, Tensor]
    others: tuple[str, ...]


def select(
    checkpoint: Checkpoint, source: str, prefix: str | None, targets: Iterable[str]
) -> Selection:
    """The part of a checkpoint that a module is to be loaded from.

    Args:
        checkpoint: The file.
        source: 'teacher', 'student', or 'auto': the teacher's if there is one.
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
        return _below(checkpoint, prefix, f"prefix '{prefix}'")
    if any(name.startswith('backbone.') for name in targets):
        if source != 'auto':
            raise UserError(f"init_cfg.source='{source}' is a backbone's, not a whole model's.")
        return whole(checkpoint)
    kind = next(
        kind
        for kind in FORMATS
        if any(name.startswith(kind.marker) for name in checkpoint.state_dict)
    )
    source = next(iter(kind.prefixes)) if source == 'auto' else source
    if source not in kind.prefixes:
        raise UserError(
            f'{checkpoint.path} ({kind.name}) has no {source}: set init_cfg.source to '
            f'{" or ".join(["auto", *kind.prefixes])}.'
        )
    label = source if len(kind.prefixes) > 1 else kind.name
    return _below(checkpoint, kind.prefixes[source], label)


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
