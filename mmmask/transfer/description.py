"""Describe a network by its tensors' shapes, and by what its file says besides."""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.utils.literals import literal_value

from .checkpoint import Checkpoint
from .formats import Selection
from .names import NARROW_HEADS, PATCH_PROJECTION, TABLE, TIMM_VIT
from .positions import window_of_table

_MLP = re.compile(r'(layers\.0|stages\.0\.blocks\.0)\.ffn\.(layers\.0\.0|w12)\.weight')
_HEADS = re.compile(rf'(?:rel_pos_bias|layers\.\d+\.attn|stages\.(\d+)\..*)\.{TABLE}')
EXPORT_KEY = 'mmmask'
"""Entry of an exported file's metadata with a JSON of what its source said."""


class Kind(Enum):
    """The transformers that this package knows block by block."""

    VIT = 'ViT'
    BEIT = 'BEiT'
    SWIN = 'Swin'


DEPTHS = frozenset({'depth', 'depths'})
"""Attributes of :class:`Architecture` that count blocks."""


@dataclass(frozen=True)
class Architecture:
    """Sizes of a transformer that its tensors' shapes show; None for those they don't show.

    Attributes:
        embed_dims: Width C, of a Swin in its first stage.
        patch_size: Pixels along a patch, or (height, width).
        in_channels: Channels of the images.
        depth: Blocks of a ViT or BEiT.
        depths: Blocks of each stage of a Swin.
        mlp_width: Width inside of the MLP; of a gated MLP half of its first layer's outputs.
        heads: Attention heads, where relative position tables show them; of a Swin by stage.
    """

    embed_dims: int | None = None
    patch_size: int | tuple[int, int] | None = None
    in_channels: int | None = None
    depth: int | None = None
    depths: tuple[int, ...] | None = None
    mlp_width: int | None = None
    heads: int | tuple[int, ...] | None = None

    def differences(self, config: Architecture) -> dict[str, str]:
        """Return the attributes that both know and differ in, this one being the file's.

        Returns:
            A text for each, e.g. {'depth': 'depth 12 in the file, 4 in the config'}.
        """
        sides = ((f.name, getattr(self, f.name), getattr(config, f.name)) for f in fields(self))
        return {
            name: f'{_SHOWN[name]} {mine} in the file, {theirs} in the config'
            for name, mine, theirs in sides
            if None not in (mine, theirs) and mine != theirs
        }

    def __str__(self) -> str:
        """Return all that is known but the heads, e.g. 'embed_dims 384, patch size 16'."""
        known = {name: getattr(self, name) for name in _SHOWN if name != 'heads'}
        return ', '.join(f'{_SHOWN[n]} {value}' for n, value in known.items() if value is not None)


_SHOWN = {f.name: f.name.replace('_', ' ') for f in fields(Architecture)} | dict(
    embed_dims='embed_dims',
    in_channels='image channels',
    mlp_width='MLP width',
    heads='number of attention heads',
)


def architecture(tensors: Mapping[str, Tensor]) -> Architecture:
    """Describe a transformer by its tensors.

    Args:
        tensors: By mmpretrain's names for a ViT, BEiT or Swin, or for a model with such a
            ``backbone``.
    """
    tensors = {name.removeprefix('backbone.'): value for name, value in tensors.items()}
    found: dict[str, object] = {}
    if PATCH_PROJECTION in tensors and tensors[PATCH_PROJECTION].ndim == 4:
        found['embed_dims'], found['in_channels'], *patch = tensors[PATCH_PROJECTION].shape
        found['patch_size'] = patch[0] if patch[0] == patch[1] else tuple(patch)
    if layers := _numbers(r'layers\.(\d+)\.', tensors):
        found['depth'] = len(layers)
    if stages := _numbers(r'stages\.(\d+)\.blocks\.', tensors):
        found['depths'] = tuple(
            len(_numbers(rf'stages\.{stage}\.blocks\.(\d+)\.', tensors)) for stage in sorted(stages)
        )
    if mlp := next((name for name in tensors if _MLP.fullmatch(name)), None):
        found['mlp_width'] = tensors[mlp].shape[0] // (2 if '.w12.' in mlp else 1)
    heads = {
        match[1] or '': value.shape[1]
        for name, value in tensors.items()
        if (match := _HEADS.fullmatch(name)) and value.ndim == 2
    }
    if heads:
        by_stage = tuple(heads[stage] for stage in sorted(heads))
        found['heads'] = by_stage if len(by_stage) > 1 else by_stage[0]
    return Architecture(**found)


def kind_of(tensors: Mapping[str, Tensor]) -> Kind | None:
    """Return which known transformer tensors by mmpretrain's names are; None for others."""
    shape = architecture(tensors)
    if shape.depths and shape.heads:
        return Kind.SWIN
    if None in (shape.depth, shape.patch_size, shape.mlp_width):
        return None
    return Kind.BEIT if any(name.endswith('attn.q_bias') for name in tensors) else Kind.VIT


def table_window(tensors: Mapping[str, Tensor]) -> int | None:
    """Return the patches along a window of a Swin's or BEiT's relative position tables."""
    table = next((name for name in tensors if name.endswith(TABLE)), None)
    return None if table is None else window_of_table(tensors[table], '.w_msa.' in table)


def heads_of(module: nn.Module) -> int | None:
    """Return the attention heads of a ViT or of a model's ``backbone``; None for others."""
    layers = getattr(getattr(module, 'backbone', module), 'layers', ())
    heads = {
        part.num_heads for layer in layers for part in layer.modules() if hasattr(part, 'num_heads')
    }
    return heads.pop() if len(heads) == 1 else None


def norm_eps_of(module: nn.Module) -> float:
    """Return the epsilon of a backbone's layer norms; torch's default if it has none."""
    parts = getattr(module, 'backbone', module).modules()
    return next((part.eps for part in parts if isinstance(part, nn.LayerNorm)), 1e-5)


def _numbers(pattern: str, tensors: Iterable[str]) -> set[int]:
    return {int(match[1]) for name in tensors if (match := re.match(pattern, name))}


@dataclass(frozen=True)
class Settings:
    """Settings of a network that no tensor's shape shows.

    Attributes:
        heads: Attention heads of each block; None if unknown.
        heads_from: Where the heads are known from, in words.
        norm_eps: Epsilon of layer norms; None if unknown.
        grid: Rows and columns of position embeddings; None if only a square can be assumed.
    """

    heads: int | None = None
    heads_from: str = ''
    norm_eps: float | None = None
    grid: tuple[int, int] | None = None


def settings_of(checkpoint: Checkpoint, selection: Selection) -> Settings:
    """Return what a file says of its network, else what its published architectures have.

    Of an exported file only what its source said counts: the exported names say nothing of it.
    """
    if exported := exported_settings(checkpoint):
        heads, grid = exported.get('heads'), exported.get('grid')
        return Settings(
            heads, 'its metadata' if heads else '', exported.get('norm_eps'), grid and tuple(grid)
        )
    backbone = backbone_config(checkpoint)
    hugging_face = hugging_face_config_of(checkpoint, selection)
    heads, heads_from = first_known(
        (
            (num_heads(backbone), 'the config in the file'),
            (hugging_face.get('num_attention_heads'), 'its config.json'),
            (
                _published_heads(selection),
                f'the published architectures ({selection.family.name})',
            ),
        )
    )
    eps = norm_eps(backbone) or hugging_face.get('layer_norm_eps') or _published_eps(selection)
    return Settings(heads, heads_from, eps, patch_grid(backbone))


def first_known(candidates: Iterable[tuple]) -> tuple:
    """Return the first pair (value, where from) whose value is known, else (None, '')."""
    return next(((value, place) for value, place in candidates if value), (None, ''))


def exported_settings(checkpoint: Checkpoint) -> dict:
    """Return what our export wrote into a file's metadata; {} if it is no export."""
    try:
        content = json.loads(checkpoint.about.get(EXPORT_KEY, '{}'))
    except (TypeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def hugging_face_config_of(checkpoint: Checkpoint, selection: Selection) -> dict:
    """Return Hugging Face's ``config.json`` if it is the file's; {} if there is none.

    A folder may hold other files, too: the names have to be Hugging Face's, and the sizes to agree.
    """
    config, shape = checkpoint.about.get('config.json', {}), architecture(selection.tensors)
    pairs = (('hidden_size', shape.embed_dims), ('num_hidden_layers', shape.depth))
    fits = all(config.get(key) in (None, value) for key, value in pairs)
    return config if selection.naming.of_hugging_face and fits else {}


def _published_heads(selection: Selection) -> int | None:
    """Return the heads of the published architecture of this width and depth.

    ViT-S with fixed sine-cosine positions by no format's names may be MoCo v3's, with 12 heads, or
    an MAE's, with 6: nothing in the file tells.
    """
    kind, naming = selection.format, selection.naming
    shape = architecture(selection.tensors)
    size = shape.embed_dims, shape.depth
    if kind and kind.heads:
        return kind.heads.get(size)
    heads = (naming.heads or {}).get(size)
    open_question = naming is TIMM_VIT and heads != NARROW_HEADS.get(size)
    return None if open_question and _has_fixed_positions(selection) else heads


def _published_eps(selection: Selection) -> float | None:
    """Return the epsilon of a format's published models; timm's CLIPs (pre-norm) have either."""
    if 'pre_norm.weight' in selection.tensors:
        return None
    return (selection.format and selection.format.norm_eps) or selection.naming.norm_eps


def _has_fixed_positions(selection: Selection) -> bool:
    """Find out whether position embeddings are sines and cosines of rows and columns.

    The CLS token has zeros. Sines and cosines of one coordinate, then those of the other, take a
    quarter of the channels each.
    """
    embedding = selection.tensors.get('pos_embed')
    if embedding is None or embedding.ndim != 3 or embedding.shape[2] % 4 or embedding[0, 0].any():
        return False
    sine, cosine, other_sine, other_cosine = embedding[0, 1:].float().chunk(4, dim=-1)
    squares = torch.cat([sine**2 + cosine**2, other_sine**2 + other_cosine**2])
    return bool(((squares - 1).abs() < 1e-2).all())


def backbone_config(checkpoint: Checkpoint) -> dict:
    """Return ``model.backbone`` of the config that the file keeps as text, {} if it keeps none."""
    model = saved_config(checkpoint).get('model')
    backbone = model.get('backbone') if isinstance(model, dict) else None
    return backbone if isinstance(backbone, dict) else {}


def saved_config(checkpoint: Checkpoint) -> dict:
    """Return the config that mmengine or mmcv 1 saved as text, {} if there is none.

    The text is read as data and never run.
    """
    text = config_text(checkpoint)
    if text is None:
        return {}
    try:
        return {
            ast.unparse(statement.targets[0]): literal_value(statement.value, otherwise=ast.unparse)
            for statement in ast.parse(text).body
            if isinstance(statement, ast.Assign)
        }
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return {}  # no text of a config


def config_text(checkpoint: Checkpoint) -> str | None:
    """Return the text of the config that a file keeps: ``meta['cfg']``, mmcv 1's ``'config'``."""
    about = checkpoint.about.get('cfg')  # of a .safetensors file, which has no meta
    text = checkpoint.meta.get('cfg', checkpoint.meta.get('config', about))
    return text if isinstance(text, str) else None


def num_heads(backbone: dict) -> int | None:
    """Return the attention heads of a ViT's config, None if it doesn't tell."""
    if isinstance(backbone.get('num_heads'), int):  # mmseg's own ViT
        return backbone['num_heads']
    arch = _argument(backbone, 'arch')
    if isinstance(arch, str):
        arch = getattr(_class(backbone), 'arch_zoo', {}).get(arch.lower())
    heads = arch.get('num_heads') if isinstance(arch, dict) else None
    return heads if isinstance(heads, int) else None


def norm_eps(backbone: dict) -> float | None:
    """Return the epsilon of layer norms by a ViT's or Swin's config, None if it doesn't tell."""
    norm = _argument(backbone, 'norm_cfg')
    if not isinstance(norm, dict) or norm.get('type') != 'LN':
        return None
    return norm.get('eps', 1e-5)


def patch_grid(backbone: dict) -> tuple[int, int] | None:
    """Return rows and columns of positions by a ViT's config, None if it doesn't tell."""
    image = _pair(_argument(backbone, 'img_size'))
    patch = _pair(_argument(backbone, 'patch_size'))
    if image is None or patch is None:
        return None
    return math.ceil(image[0] / patch[0]), math.ceil(image[1] / patch[1])


def _argument(backbone: dict, name: str) -> object:
    """Return an argument of a backbone's config, or its class's default."""
    if name in backbone:
        return backbone[name]
    for ancestor in getattr(_class(backbone), '__mro__', ()):
        parameter = inspect.signature(ancestor.__init__).parameters.get(name)
        if parameter is not None and parameter.default is not parameter.empty:
            return parameter.default
    return None


def _class(backbone: dict) -> type | None:
    """Look up mmpretrain's class of a config; a name in a checkpoint imports nothing.

    None where the width or the heads are arguments: mmdet's and mmseg's classes of the same names
    have these arguments and other defaults, mmpretrain's have ``arch``.
    """
    if 'arch' not in backbone and {'embed_dims', 'num_heads'} & set(backbone):
        return None
    return MODELS.module_dict.get(str(backbone.get('type')).rsplit('.', 1)[-1])


def _pair(size: object) -> tuple[int, int] | None:
    sizes = (size, size) if isinstance(size, int) else size
    if not isinstance(sizes, (list, tuple)) or len(sizes) != 2:
        return None
    return tuple(sizes) if all(isinstance(s, int) and s > 0 for s in sizes) else None
