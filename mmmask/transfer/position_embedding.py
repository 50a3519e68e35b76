"""Position embeddings of another grid or with other prefix tokens."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, MutableMapping

import torch
from mmengine.logging import print_log
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

from mmmask.utils.errors import UserError

_PREFIX = ('cls_token', 'dist_token')  # tokens with a row of their own, in this order


def prefix_tokens(tensors: Iterable[str]) -> list[str]:
    """Names of the CLS and the distillation token, as far as there are any, in their order."""
    return [name for name in _PREFIX if name in tensors]


def fit_position_embedding(
    tensors: MutableMapping[str, Tensor], module: nn.Module, grid: tuple[int, int] | None
) -> list[str]:
    """Fit a ViT's position embeddings to the module, in place of the mapping's entry.

    Interpolated as mmpretrain does while running (its ``interpolate_mode``, bicubic by default, in
    float32, corners not aligned); rows of prefix tokens (CLS, distillation) stay as they are. The
    row of a prefix token that the module doesn't have is dropped. Files that give their CLS token
    no position (timm's ``no_embed_class``) get a row of zeros for it, which is the same. Registers
    never have a row.

    Args:
        tensors: The file's, by mmpretrain's names.
        module: A ViT with ``pos_embed`` (1, E' + h' w', C) for E' prefix tokens and the grid
            (h', w') of :func:`grid_of`; others are left alone.
        grid: (h, w) of the file if its metadata tells; else it is the module's where both have as
            many patches, or a square. A warning says where it could be either.

    Returns:
        What was resized, e.g. ``['pos_embed 6x6 -> 8x8']``.

    Raises:
        UserError: If the file's grid can't be known.
    """
    source, target = tensors.get('pos_embed'), getattr(module, 'pos_embed', None)
    wanted = grid_of(module)
    if source is None or target is None or wanted is None:
        return []
    if source.ndim != 3 or source.shape[2] != target.shape[2]:
        return []  # of another architecture, which is found out elsewhere
    in_file = prefix_tokens(tensors)
    as_many = source.shape[1] - wanted[0] * wanted[1] in (0, len(in_file))
    known = grid
    rows, grid = position_layout(source, len(in_file), known, wanted if as_many else None)
    if known != grid:
        _warn_if_square(source.shape[1] - rows, grid)
    prefix = dict(zip(in_file, source[0, :rows], strict=False))
    names = _PREFIX[: target.shape[1] - wanted[0] * wanted[1]]
    kept = [prefix.get(name, torch.zeros_like(source[0, 0])) for name in names]
    source = torch.cat([*(row.view(1, 1, -1) for row in kept), source[:, rows:]], dim=1)
    tensors['pos_embed'] = resize_pos_embed(
        source, grid, wanted, module.interpolate_mode, len(kept)
    )
    if grid == wanted:
        return []
    return [f'pos_embed {grid[0]}x{grid[1]} -> {wanted[0]}x{wanted[1]}']


def _warn_if_square(length: int, grid: tuple[int, int]) -> None:
    side = math.isqrt(length)
    if side * side == length and grid != (side, side):
        print_log(
            f'The {length} position embeddings of the file are taken for {grid[0]}x{grid[1]}, as '
            f"in the config; if they are {side}x{side}, set the backbone's img_size to that.",
            logger='current',
            level=logging.WARNING,
        )


def take_row_of_cls_token(
    tensors: MutableMapping[str, Tensor], grid: tuple[int, int] | None
) -> None:
    """Add the CLS token's position to the token itself, and drop its row; the sum is the same."""
    rows, _ = position_layout(tensors['pos_embed'], 1, grid)
    if rows:
        tensors['cls_token'] = tensors['cls_token'] + tensors['pos_embed'][:, :1]
        tensors['pos_embed'] = tensors['pos_embed'][:, 1:]


def add_row_of_cls_token(
    tensors: MutableMapping[str, Tensor], grid: tuple[int, int] | None
) -> None:
    """A row of zeros for the CLS token, where it has none."""
    rows, _ = position_layout(tensors['pos_embed'], 1, grid)
    if not rows:
        embedding = tensors['pos_embed']
        tensors['pos_embed'] = torch.cat([torch.zeros_like(embedding[:, :1]), embedding], dim=1)


def grid_of(module: nn.Module) -> tuple[int, int] | None:
    """Rows and columns of patches that a ViT of mmpretrain's or mmseg's is made for.

    None for other modules.
    """
    if hasattr(module, 'patch_resolution'):
        return tuple(module.patch_resolution)
    size, patch = (getattr(module, name, None) for name in ('img_size', 'patch_size'))
    if isinstance(size, tuple) and isinstance(patch, int):
        return size[0] // patch, size[1] // patch
    return None


def position_layout(
    source: Tensor,
    prefix_tokens: int,
    grid: tuple[int, int] | None,
    fallback: tuple[int, int] | None = None,
) -> tuple[int, tuple[int, int]]:
    """How many rows of position embeddings are prefix tokens', and the grid of the rest.

    Either each prefix token has a row or none has; which of the two fits a grid decides. The grid
    that is known goes first, then the fallback, then a square.

    Args:
        source: (1, E + h w, C).
        prefix_tokens: CLS and distillation tokens in the file.
        grid: (h, w) if it is known.
        fallback: (h, w) to assume where it isn't: as soon as the count of rows fits, and also where
            they are no square.

    Raises:
        UserError: If the grid can't be known.
    """
    lengths = {rows: source.shape[1] - rows for rows in (prefix_tokens, 0)}
    for candidate in (grid, fallback):
        for rows, length in lengths.items():
            if candidate is not None and candidate[0] * candidate[1] == length:
                return rows, tuple(candidate)
    for rows, length in lengths.items():
        side = math.isqrt(length)
        if side * side == length:
            return rows, (side, side)
    if fallback is not None:
        return prefix_tokens, fallback
    raise UserError(
        f'The {source.shape[1] - prefix_tokens} position embeddings of the file are no square '
        "grid, and its metadata doesn't tell rows and columns."
    )
