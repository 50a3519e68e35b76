"""What tensors tell of a Vision Transformer, and in what two of them differ."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

_PATCH = 'patch_embed.projection.weight'
_MLP = 'layers.0.ffn.layers.0.0.weight'


def architecture(tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """Width, patch size, channels, depth and MLP width, as far as names are those of mmpretrain's
    ViT.

    The ViT is the module itself or its ``backbone``.
    """
    tensors = {name.removeprefix('backbone.'): value for name, value in tensors.items()}
    found: dict[str, object] = {}
    if _PATCH in tensors and tensors[_PATCH].ndim == 4:
        width, channels, *patch = tensors[_PATCH].shape
        found['embed_dims'] = width
        found['patch size'] = patch[0] if patch[0] == patch[1] else tuple(patch)
        found['image channels'] = channels
    layers = {match[1] for name in tensors if (match := re.match(r'layers\.(\d+)\.', name))}
    if layers:
        found['depth'] = len(layers)
    if _MLP in tensors:
        found['MLP width'] = tensors[_MLP].shape[0]
    return found


def heads_of(module: nn.Module) -> int | None:
    """Attention heads of a ViT or of a model's ``backbone``; None for modules without."""
    layers = getattr(getattr(module, 'backbone', module), 'layers', ())
    heads = {
        part.num_heads for layer in layers for part in layer.modules() if hasattr(part, 'num_heads')
    }
    return heads.pop() if len(heads) == 1 else None


def differences(in_file: Mapping[str, object], in_config: Mapping[str, object]) -> list[str]:
    """What both sides tell and differ in, e.g. 'depth 12 in the file, 4 in the config'."""
    return [
        f'{what} {value} in the file, {in_config[what]} in the config'
        for what, value in in_file.items()
        if what in in_config and in_config[what] != value
    ]
