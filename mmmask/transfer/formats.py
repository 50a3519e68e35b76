"""The table of formats: where in each kind of file the backbones are."""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from mmmask.utils.errors import UserError

from .checkpoint import Checkpoint
from .names import (
    MMPRETRAIN,
    MMSEG_VIT,
    NARROW_HEADS,
    PATCH_PROJECTION,
    Naming,
    naming_of,
    to_mmpretrain,
)

_PATCH_PROJECTION = re.compile(
    r'((?:.+?\.)?)(?:patch_embed\.proj(?:ection)?|embeddings\.patch_embeddings\.projection)\.weight'
)
_CLASSIFIER = re.compile(r'(?:fc|head|head\.fc|classifier)\.(weight|bias)')
SOURCES = ('auto', 'teacher', 'student')


@dataclass(frozen=True)
class Format:
    """A kind of file. The naming says what its tensors are called below the prefix.

    Attributes:
        name: Shown in messages.
        markers: Prefixes, each of which begins some name in every such file.
        prefixes: Where the backbones are, by source; 'auto' takes the first that the file has.
        heads: Attention heads by (width, depth), where they aren't the naming's.
        normalisation: Normalisation of its images, where the format tells.
        norm_eps: Epsilon of layer norms, where the format tells another than the naming.
        pos_embed_resize: How its networks resize position embeddings, where the format tells.
    """

    name: str
    markers: tuple[str, ...]
    prefixes: dict[str, str]
    heads: Mapping[tuple[int, int], int] | None = None
    normalisation: str | None = None
    norm_eps: float | None = None
    pos_embed_resize: str | None = None


def _two(student: str, teacher: str) -> dict[str, str]:
    return dict(student=student, teacher=teacher)


BARE = Format('bare backbone', ('',), dict(student=''))
_NARROW = dict(heads=NARROW_HEADS, normalisation='imagenet')

FORMATS = (
    Format(
        'DINO or iBOT',
        ('student.backbone.',),
        dict(teacher='teacher.backbone.', student='student.backbone.'),
        **dict(normalisation='imagenet', norm_eps=1e-6, pos_embed_resize='dino'),
    ),
    Format(
        'self-distillation',
        ('teacher.backbone.',),
        dict(teacher='teacher.backbone.', student='backbone.'),
    ),
    Format(
        'mmselfsup 0.x MoCo v3',
        ('base_encoder.0.',),
        _two('base_encoder.0.', 'momentum_encoder.0.'),
        **_NARROW,
    ),
    Format('MoCo v3', ('base_encoder.',), _two('base_encoder.', 'momentum_encoder.'), **_NARROW),
    Format('mmselfsup 0.x BYOL', ('online_net.0.',), _two('online_net.0.', 'target_net.0.')),
    *(
        Format(f'mmpretrain model with a {name}', (prefix,), _two('backbone.', prefix))
        for name, prefix in (
            ('momentum encoder', 'momentum_encoder.module.0.'),
            ('target network', 'target_net.module.0.'),
        )
    ),
    Format('mmpretrain model', ('backbone.',), dict(student='backbone.')),
    Format('CAE', ('encoder.blocks.', 'teacher.blocks.'), _two('encoder.', 'teacher.'), **_NARROW),
    Format(
        'teacher and student',
        ('teacher.', 'student.'),
        dict(teacher='teacher.', student='student.'),
    ),
    Format('student', ('student.',), dict(student='student.')),
    *(
        Format(f'Hugging Face {name} model', (f'{name}.',), dict(student=f'{name}.'))
        for name in ('vit', 'dinov2', 'dinov2_with_registers')
    ),
    BARE,
)
"""All formats; the first whose markers are found is a file's."""


@dataclass(frozen=True)
class Selection:
    """The part of a file that a module is loaded from.

    Attributes:
        label: Name of the part, shown in messages.
        tensors: Its tensors by mmpretrain's names; versions of modules in ``_metadata``.
        others: Names of the file's other tensors.
        format: The file's kind; None if the user gave a prefix or takes the whole file.
        naming: How the file names the part's tensors.
    """

    label: str
    tensors: OrderedDict[str, Tensor]
    others: tuple[str, ...]
    format: Format | None = None
    naming: Naming = MMPRETRAIN

    @property
    def family(self) -> Format | Naming:
        """The format or else the naming, whichever the published values belong to."""
        kind = self.format
        return kind if kind and (kind.heads or kind.normalisation) else self.naming


def format_of(names: Iterable[str]) -> Format:
    """Return a file's kind by its tensors' names."""
    names = list(names)
    return next(
        kind
        for kind in FORMATS
        if all(any(name.startswith(marker) for name in names) for marker in kind.markers)
    )


def known_below(checkpoint: Checkpoint) -> list[str]:
    """Return the prefixes below which a file has a backbone by known names, e.g. ['encoder.'].

    ``init_cfg.prefix`` may be one of them where no format is found.
    """
    found = {}
    for name in checkpoint.state_dict:
        if (match := _PATCH_PROJECTION.fullmatch(name)) and match[1]:
            inside = [n[len(match[1]) :] for n in checkpoint.state_dict if n.startswith(match[1])]
            found[match[1]] = PATCH_PROJECTION in inside or naming_of(inside) is not MMPRETRAIN
    return [prefix for prefix, is_known in found.items() if is_known]


def select(
    checkpoint: Checkpoint, source: str, prefix: str | None, targets: Iterable[str]
) -> Selection:
    """Return the part of a checkpoint that a module is to be loaded from, by mmpretrain's names.

    Args:
        checkpoint: The file.
        source: 'teacher', 'student', or 'auto' for the first that the format has.
        prefix: Takes the tensors below it instead of detecting the format, as mmengine does; ''
            takes all.
        targets: Names of the module's tensors. A module with a ``backbone.`` is a whole model and
            takes the file as it is.

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
    """Return a checkpoint's backbone; arguments and errors as of :func:`select`."""
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
    """Return which of its format's backbones a file has; 'auto' takes the first."""
    return [
        source
        for source, prefix in format_of(checkpoint.state_dict).prefixes.items()
        if any(name.startswith(prefix) for name in checkpoint.state_dict)
    ]


def whole(checkpoint: Checkpoint) -> Selection:
    """Return all of a file, for a whole model."""
    return _below(checkpoint, '', 'whole model')


def linear_classifier(
    checkpoint: Checkpoint, targets: Iterable[str]
) -> OrderedDict[str, Tensor] | None:
    """Return the linear classifier beside the backbone in a file of another library.

    Args:
        checkpoint: The file.
        targets: Names of a head's tensors, to which the classifier's are translated.

    Returns:
        The weight and the bias. None if the head isn't one linear layer, the file doesn't have
        exactly one, or the file is of an mm package, whose names need no translation.
    """
    found = {m[1]: name for name in checkpoint.state_dict if (m := _CLASSIFIER.fullmatch(name))}
    wanted = {name.rpartition('.')[2]: name for name in targets}
    of_mm = 'backbone.' in format_of(checkpoint.state_dict).prefixes.values()
    several = sum(bool(_CLASSIFIER.fullmatch(name)) for name in checkpoint.state_dict) > 2
    if of_mm or several or not found.keys() == wanted.keys() == {'weight', 'bias'}:
        return None
    return OrderedDict((wanted[part], checkpoint.state_dict[found[part]]) for part in wanted)


def group_names(names: Iterable[str]) -> list[str]:
    """Return up to 8 first components of names, of a teacher's names the first two."""
    depths = ((name.split('.'), 2 if name.startswith('teacher.') else 1) for name in names)
    return sorted({'.'.join(parts[:depth]) for parts, depth in depths})[:8]


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


def _translated(part: Selection) -> Selection:
    """Give the part's tensors mmpretrain's names."""
    naming = naming_of(part.tensors)
    if naming is MMPRETRAIN:
        return part
    tensors, others = to_mmpretrain(naming, part.tensors)
    projection = tensors.get(PATCH_PROJECTION)
    if naming is MMSEG_VIT and projection is not None:
        bias = projection.new_zeros(len(projection))  # a projection without a bias has one of zeros
        tensors.setdefault('patch_embed.projection.bias', bias)
    label = f'{part.label}, {naming.name}'
    return Selection(label, tensors, (*part.others, *others), naming=naming)
