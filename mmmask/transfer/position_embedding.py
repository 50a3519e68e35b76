"""Position embeddings of another grid."""

from __future__ import annotations

import math
from collections.abc import MutableMapping

from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

from mmmask.errors import UserError


def fit_position_embedding(
    tensors: MutableMapping[str, Tensor], module: nn.Module, grid: tuple[int, int] | None
) -> list[str]:
    """Resize a ViT's position embeddings to the module's grid, in place of the mapping's entry.

    Interpolated as mmpretrain does while running (its ``interpolate_mode``, bicubic by default, in
    float32, corners not aligned); those of prefix tokens (CLS) stay as they are. Those of a prefix
    token that the module doesn't have are dropped.

    Args:
        tensors: The file's; ``pos_embed`` is (1, E + h w, C).
        module: A ViT with ``pos_embed`` (1, E' + h' w', C), ``patch_resolution`` (h', w') and
            ``num_extra_tokens`` E'; others are left alone.
        grid: (h, w) of the file if its metadata tells; else it is taken for square.

    Returns:
        What was resized, e.g. ``['pos_embed 6x6 -> 8x8']``.

    Raises:
        UserError: If the file's grid can't be known.
    """
    source, target = tensors.get('pos_embed'), getattr(module, 'pos_embed', None)
    if source is None or target is None or not hasattr(module, 'patch_resolution'):
        return []
    if source.ndim != 3 or source.shape[2] != target.shape[2]:
        return []  # of another architecture, which is found out elsewhere
    wanted = tuple(module.patch_resolution)
    prefix_tokens = 1 if 'cls_token' in tensors else 0
    length = source.shape[1] - prefix_tokens
    if grid is None or grid[0] * grid[1] != length:
        side = math.isqrt(length)
        if side * side == length:
            grid = (side, side)
        elif source.shape == target.shape:
            grid = wanted
        else:
            raise UserError(
                f'The {length} position embeddings of the file are no square grid, and its '
                f"metadata doesn't tell rows and columns; the config has {wanted[0]}x{wanted[1]}."
            )
    kept = min(module.num_extra_tokens, prefix_tokens)
    source = source[:, prefix_tokens - kept :]
    tensors['pos_embed'] = resize_pos_embed(source, grid, wanted, module.interpolate_mode, kept)
    if tuple(grid) == wanted:
        return []
    return [f'pos_embed {grid[0]}x{grid[1]} -> {wanted[0]}x{wanted[1]}']
