"""What is known of a checkpoint's backbone besides its tensors, and where from."""

from __future__ import annotations

import json
from dataclasses import dataclass

import torch

from .architecture import architecture
from .checkpoint import Checkpoint
from .dialects import NARROW_HEADS, TIMM_VIT
from .formats import Selection
from .metadata import backbone_config, norm_eps, num_heads, patch_grid, saved_config
from .normalisation import (
    KNOWN,
    Normalisation,
    normalisation_of_config,
    normalisation_of_unit_pixels,
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
    if exported := _exported(checkpoint):
        return _of_export(exported)
    backbone = backbone_config(checkpoint)
    hugging_face = _hugging_face(checkpoint, selection)
    preprocessor = hugging_face and checkpoint.about.get('preprocessor_config.json', {})
    heads, heads_from = _first(
        (
            (num_heads(backbone), 'the config in the file'),
            (hugging_face.get('num_attention_heads'), 'its config.json'),
            (_published_heads(selection), f'the published architectures ({_name(selection)})'),
        )
    )
    normalisation, normalisation_from = _first(
        (
            (normalisation_of_config(saved_config(checkpoint)), 'the config in the file'),
            (
                normalisation_of_unit_pixels(preprocessor, 'image_'),
                'its preprocessor_config.json',
            ),
            (normalisation_of_unit_pixels(_timm(checkpoint, selection)), 'its config.json'),
            (_normalisation_of_options(checkpoint), 'the options in the file'),
            (_published_normalisation(selection), f'its format ({_name(selection)})'),
        )
    )
    eps = norm_eps(backbone) or hugging_face.get('layer_norm_eps')
    return Facts(
        heads,
        heads_from,
        eps or _published_norm_eps(selection),
        patch_grid(backbone),
        normalisation,
        normalisation_from,
    )


def _published_heads(selection: Selection) -> int | None:
    """By width and depth.

    ViT-S with fixed sine-cosine positions by no format's names may be MoCo v3's, with 12 heads, or
    an MAE's, with 6: nothing in them tells.
    """
    kind, dialect = selection.format, selection.dialect
    size = _size(selection)
    if kind and kind.heads:
        return kind.heads.get(size)
    heads = (dialect.heads or {}).get(size)
    if dialect is TIMM_VIT and heads != NARROW_HEADS.get(size) and _has_fixed_positions(selection):
        return None
    return heads


def _published_normalisation(selection: Selection) -> Normalisation | None:
    kind = selection.format
    return KNOWN.get((kind and kind.normalisation) or selection.dialect.normalisation)


def _published_norm_eps(selection: Selection) -> float | None:
    """Of models with a norm in front of the blocks (CLIP's), timm has some with either epsilon."""
    if 'pre_norm.weight' in selection.tensors:
        return None
    kind = selection.format
    return (kind and kind.norm_eps) or selection.dialect.norm_eps


def _normalisation_of_options(checkpoint: Checkpoint) -> Normalisation | None:
    """The option by which BEiT, BEiT v2 and CAE differ, saved in a training's ``args``."""
    options = checkpoint.about.get('args')
    option = options.get('imagenet_default_mean_and_std') if isinstance(options, dict) else None
    return KNOWN['imagenet' if option else 'half'] if isinstance(option, bool) else None


def _has_fixed_positions(selection: Selection) -> bool:
    """Whether position embeddings are sines and cosines of rows and columns, and zero for CLS.

    A quarter of the channels each: sines and cosines of one coordinate, then of the other.
    """
    embedding = selection.tensors.get('pos_embed')
    if embedding is None or embedding.ndim != 3 or embedding.shape[2] % 4 or embedding[0, 0].any():
        return False
    sine, cosine, other_sine, other_cosine = embedding[0, 1:].float().chunk(4, dim=-1)
    squares = torch.cat([sine**2 + cosine**2, other_sine**2 + other_cosine**2])
    return bool(((squares - 1).abs() < 1e-2).all())


def _size(selection: Selection) -> tuple[int | None, int | None]:
    """Width and depth."""
    shape = architecture(selection.tensors)
    return shape.get('embed_dims'), shape.get('depth')


def _hugging_face(checkpoint: Checkpoint, selection: Selection) -> dict:
    """Hugging Face's ``config.json`` if it is that of the file; {} if there is none.

    A folder may hold other files, too: the names have to be Hugging Face's, and the sizes to agree.
    """
    config = checkpoint.about.get('config.json', {})
    told = tuple(config.get(key) for key in ('hidden_size', 'num_hidden_layers'))
    fits = all(told is None or told == mine for told, mine in zip(told, _size(selection)))
    return config if selection.dialect.name.startswith('Hugging Face') and fits else {}


def _timm(checkpoint: Checkpoint, selection: Selection) -> dict:
    """``pretrained_cfg`` of timm's ``config.json`` if it is that of the file; {} if there is none.

    timm's files are bare; ``num_features`` is the width, of Swin's last stage.
    """
    config = checkpoint.about.get('config.json', {})
    pretrained, width = config.get('pretrained_cfg'), config.get('num_features')
    shape = architecture(selection.tensors)
    mine = shape.get('embed_dims', 0) * 2 ** (len(shape.get('depths', (1,))) - 1)
    is_bare = selection.format is not None and selection.format.prefixes == {'student': ''}
    fits = isinstance(pretrained, dict) and is_bare and width in (None, mine)
    return pretrained if fits else {}


def _first(candidates: tuple[tuple, ...]) -> tuple:
    """The first that is known, and where from."""
    return next(((value, place) for value, place in candidates if value), (None, ''))


def _name(selection: Selection) -> str:
    """The more telling of format and dialect."""
    kind = selection.format
    return kind.name if kind and (kind.heads or kind.normalisation) else selection.dialect.name


def _of_export(about: dict) -> Facts:
    """What an export's source told, and no more: its new names say nothing of its training."""
    heads, grid = about.get('heads'), about.get('grid')
    normalisation = _normalisation(about.get('normalisation'))
    place = 'its metadata'
    return Facts(
        heads,
        place if heads else '',
        about.get('norm_eps'),
        grid and tuple(grid),
        normalisation,
        place if normalisation else '',
    )


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
