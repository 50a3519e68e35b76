"""What tensors tell of a transformer, and in what two of them differ."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

_PATCH = 'patch_embed.projection.weight'
_MLP = re.compile(r'(layers\.0|stages\.0\.blocks\.0)\.ffn\.(layers\.0\.0|w12)\.weight')
_TABLE = re.compile(
    r'(?:rel_pos_bias|layers\.\d+\.attn|stages\.(\d+)\..*)\.relative_position_bias_table'
)


def architecture(tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """Width, patch size, channels, depth, MLP width and, where relative positions show them, heads,
    as far as names are those of mmpretrain's ViT, BEiT or Swin.

    The backbone is the module itself or its ``backbone``.
    """
    tensors = {name.removeprefix('backbone.'): value for name, value in tensors.items()}
    found: dict[str, object] = {}
    if _PATCH in tensors and tensors[_PATCH].ndim == 4:
        width, channels, *patch = tensors[_PATCH].shape
        found['embed_dims'] = width
        found['patch size'] = patch[0] if patch[0] == patch[1] else tuple(patch)
        found['image channels'] = channels
    if layers := _numbers(r'layers\.(\d+)\.', tensors):
        found['depth'] = len(layers)
    if stages := _numbers(r'stages\.(\d+)\.blocks\.', tensors):
        found['depths'] = tuple(
            len(_numbers(rf'stages\.{stage}\.blocks\.(\d+)\.', tensors)) for stage in sorted(stages)
        )
    if mlp := next((name for name in tensors if _MLP.fullmatch(name)), None):
        found['MLP width'] = tensors[mlp].shape[0] // (2 if '.w12.' in mlp else 1)
    heads = {
        match[1] or '': value.shape[1]
        for name, value in tensors.items()
        if (match := _TABLE.fullmatch(name)) and value.ndim == 2
    }
    if heads:
        by_stage = tuple(heads[stage] for stage in sorted(heads))
        found['number of attention heads'] = by_stage if len(by_stage) > 1 else by_stage[0]
    return found


def _numbers(pattern: str, tensors: Mapping[str, Tensor]) -> set[int]:
    """The numbers that a pattern's group takes in names."""
    return {int(match[1]) for name in tensors if (match := re.match(pattern, name))}


def heads_of(module: nn.Module) -> int | None:
    """Attention heads of a ViT or of a model's ``backbone``; None for modules without."""
    layers = getattr(getattr(module, 'backbone', module), 'layers', ())
    heads = {
        part.num_heads for layer in layers for part in layer.modules() if hasattr(part, 'num_heads')
    }
    return heads.pop() if len(heads) == 1 else None


def norm_eps_of(module: nn.Module) -> float:
    """Epsilon of a backbone's layer norms; torch's default where it has none."""
    parts = getattr(module, 'backbone', module).modules()
    return next((part.eps for part in parts if isinstance(part, nn.LayerNorm)), 1e-5)


def differences(in_file: Mapping[str, object], in_config: Mapping[str, object]) -> list[str]:
    """What both sides tell and differ in, e.g. 'depth 12 in the file, 4 in the config'."""
    return [
        f'{what} {value} in the file, {in_config[what]} in the config'
        for what, value in in_file.items()
        if what in in_config and in_config[what] != value
    ]
