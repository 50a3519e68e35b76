"""What is known of a checkpoint's backbone besides its tensors, and where from."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .architecture import architecture
from .checkpoint import Checkpoint
from .formats import Selection
from .metadata import backbone_config, norm_eps, num_heads, patch_grid, saved_config
from .normalisation import (
    KNOWN,
    Normalisation,
    normalisation_of_config,
    normalisation_of_hugging_face,
)

EXPORT_KEY = 'mmmask'
"""Entry of an exported file's metadata that holds these facts as JSON."""


@dataclass(frozen=True)
class Facts:
    """What no tensor's shape shows.

    Attributes:
        heads: Attention heads of each block; None if unknown.
        heads_from: Where that is known from.
        norm_eps: Epsilon of layer norms; None if unknown.
        grid: Rows and columns of position embeddings; None if only a square can be assumed.
        normalisation: Of the images in pre-training; None if unknown.
        normalisation_from: Where that is known from.
    """

    heads: int | None = None
    heads_from: str = ''
    norm_eps: float | None = None
    grid: tuple[int, int] | None = None
    normalisation: Normalisation | None = None
    normalisation_from: str = ''


def facts(checkpoint: Checkpoint, selection: Selection) -> Facts:
    """What a file says of itself, else what the published architectures of its format have."""
    exported = _exported(checkpoint)
    hugging_face = checkpoint.about.get('config.json', {})
    backbone = backbone_config(checkpoint)
    shape = architecture(selection.tensors)
    size = (shape.get('embed_dims'), shape.get('depth'))
    kind = selection.format
    published = (kind and kind.heads) or selection.dialect.heads or {}
    heads = (
        (exported.get('heads'), 'its metadata'),
        (num_heads(backbone), 'the config in the file'),
        (hugging_face.get('num_attention_heads'), 'its config.json'),
        (published.get(size), f'the published architectures ({_name(selection)})'),
    )
    known = (kind and kind.normalisation) or selection.dialect.normalisation
    mean_std = (
        (_normalisation(exported.get('normalisation')), 'its metadata'),
        (normalisation_of_config(saved_config(checkpoint)), 'the config in the file'),
        (
            normalisation_of_hugging_face(checkpoint.about.get('preprocessor_config.json', {})),
            'its preprocessor_config.json',
        ),
        (KNOWN.get(known), f'its format ({_name(selection)})'),
    )
    heads, heads_from = _first(heads)
    normalisation, normalisation_from = _first(mean_std)
    grid = exported.get('grid') or patch_grid(backbone)
    eps = exported.get('norm_eps') or norm_eps(backbone) or hugging_face.get('layer_norm_eps')
    return Facts(
        heads,
        heads_from,
        eps or selection.dialect.norm_eps,
        grid and tuple(grid),
        normalisation,
        normalisation_from,
    )


def _first(candidates: tuple[tuple, ...]) -> tuple:
    """The first that is known, and where from."""
    return next(((value, place) for value, place in candidates if value), (None, ''))


def _name(selection: Selection) -> str:
    """The more telling of format and dialect."""
    kind = selection.format
    return kind.name if kind and (kind.heads or kind.normalisation) else selection.dialect.name


def _exported(checkpoint: Checkpoint) -> dict:
    """The facts that an export of ours wrote."""
    try:
        content = json.loads(checkpoint.about.get(EXPORT_KEY, '{}'))
    except (TypeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _normalisation(content: object) -> Normalisation | None:
    if not isinstance(content, dict):
        return None
    return normalisation_of_config({'data_preprocessor': content})
