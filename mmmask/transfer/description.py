"""Describe a network by its tensors' shapes, and by what its file says besides."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum

from mmpretrain.registry import MODELS
from timm.layers import GELUTanh
from torch import Tensor, nn

from mmmask.utils.literals import read_assignments

from .checkpoint import Checkpoint
from .names import PATCH_PROJECTION, TABLE
from .positions import window_of_table

_MLP = re.compile(r'(layers\.0|stages\.0\.blocks\.0)\.ffn\.(layers\.0\.0|w12)\.weight')
_HEADS = re.compile(rf'(?:rel_pos_bias|layers\.\d+\.attn|stages\.(\d+)\..*)\.{TABLE}')


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
    module = getattr(module, 'backbone', module)
    layers = getattr(module, 'layers', getattr(module, 'blocks', ()))
    heads = {
        part.num_heads for layer in layers for part in layer.modules() if hasattr(part, 'num_heads')
    }
    return heads.pop() if len(heads) == 1 else None


def activation_of(module: nn.Module) -> str | None:
    """Return the activation of a backbone's MLPs, e.g. 'GELU'; None if they are gated or none."""
    for part in getattr(module, 'backbone', module).modules():
        if isinstance(part, nn.Sequential) and len(part) > 1 and isinstance(part[0], nn.Linear):
            act = part[1]  # mmcv's
        elif hasattr(part, 'fc1') and hasattr(part, 'act'):  # timm's
            act = part.act if part.fc1.out_features == part.fc2.in_features else None
        else:
            continue
        is_tanh = isinstance(act, GELUTanh) or getattr(act, 'approximate', '') == 'tanh'
        return 'GELU(tanh)' if is_tanh else act and type(act).__name__
    return None


def norm_eps_of(module: nn.Module) -> float:
    """Return the epsilon of a backbone's layer norms; torch's default if it has none."""
    parts = getattr(module, 'backbone', module).modules()
    return next((part.eps for part in parts if isinstance(part, nn.LayerNorm)), 1e-5)


def _numbers(pattern: str, tensors: Iterable[str]) -> set[int]:
    return {int(match[1]) for name in tensors if (match := re.match(pattern, name))}


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
    return {} if text is None else read_assignments(text)


def config_text(checkpoint: Checkpoint) -> str | None:
    """Return the text of the config that a file keeps: ``meta['cfg']``, mmcv 1's ``'config'``."""
    about = checkpoint.about.get('cfg')  # of a .safetensors file, which has no meta
    text = checkpoint.meta.get('cfg', checkpoint.meta.get('config', about))
    return text if isinstance(text, str) else None


def backbone_kinds(backbone: dict) -> set[str]:
    """Return the names of a config's class and its ancestors; of an unknown class its name."""
    name = str(backbone.get('type')).rpartition('.')[2]
    return {name, *(kind.__name__ for kind in getattr(_class(backbone), '__mro__', ()))}


def activation(backbone: dict) -> str | None:
    """Return the activation of the MLPs by a plain ViT's config; None if they are gated."""
    layers = backbone.get('layer_cfgs')
    options = {**backbone, **(layers if isinstance(layers, dict) else {})}
    if options.get('ffn_type', 'origin') != 'origin':
        return None
    act = options.get('act_cfg')
    act = act if isinstance(act, dict) else {}
    name = str(act.get('type', 'GELU')).rpartition('.')[2]
    return f'{name}(tanh)' if act.get('approximate') == 'tanh' else name


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
