"""Fit position embeddings and relative position tables of a file to a module."""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping

import torch
from mmengine.logging import print_log
from timm.layers import resize_rel_pos_bias_table, resize_rel_pos_bias_table_simple
from torch import Tensor, nn

from mmmask.models.backbones.position import resize_position_embedding
from mmmask.utils.errors import UserError

from .names import TABLE

_PREFIX = ('cls_token', 'dist_token')  # tokens with a position, in this order
_SHARED = f'rel_pos_bias.{TABLE}'
_BEIT_EXTRAS = 3  # CLS to patch, patch to CLS, CLS to CLS


def prefix_tokens(tensors: Iterable[str]) -> list[str]:
    """Return the names of the CLS and the distillation token that are there, in this order."""
    return [name for name in _PREFIX if name in tensors]


def fit_position_embedding(
    tensors: MutableMapping[str, Tensor],
    module: nn.Module,
    grid: tuple[int, int] | None,
    resize: str | None = None,
) -> list[str]:
    """Resize a ViT's position embeddings in ``tensors`` to the module's grid.

    - Patches are interpolated by the module's ``interpolate_mode``, bicubic by default, in float32,
      corners not aligned. They are resized as the module says, else as the file says
      (:func:`resize_of`).
    - Rows of prefix tokens (CLS, distillation) stay; rows of tokens that the module lacks go.
    - Files that give their CLS token no position (timm's ``no_embed_class``) get a row of zeros.
    - Registers never have a row.

    Args:
        tensors: The file's tensors by mmpretrain's names; the entry is replaced.
        module: A ViT with ``pos_embed`` (1, E' + h' w', C) for E' prefix tokens and the grid
            (h', w') of :func:`grid_of`. Other modules are left alone.
        grid: (h, w) of the file if its metadata tells. Otherwise the module's grid if both have as
            many patches (with a warning if it could be a square, too), or a square.
        resize: How the file's network resizes them; None if unknown.

    Returns:
        The change, e.g. ``['pos_embed 6x6 -> 8x8']``; empty if the grid is the same.

    Raises:
        UserError: If the file's grid can't be known.
    """
    source, target = tensors.get('pos_embed'), getattr(module, 'pos_embed', None)
    wanted = grid_of(module)
    if source is None or target is None or wanted is None:
        return []
    if source.ndim != 3 or source.shape[2] != target.shape[2]:
        return []  # another architecture, which is reported later
    in_file = prefix_tokens(tensors)
    as_many = source.shape[1] - wanted[0] * wanted[1] in (0, len(in_file))
    rows, found = position_layout(source, len(in_file), grid, wanted if as_many else None)
    length, side = found[0] * found[1], math.isqrt(found[0] * found[1])
    if grid != found and side * side == length and found != (side, side):
        print_log(
            f'The {length} position embeddings of the file are taken for {found[0]}x{found[1]}, as '
            f"in the config; if they are {side}x{side}, set the backbone's img_size to that.",
            logger='current',
            level=logging.WARNING,
        )
    prefix = dict(zip(in_file, source[0, :rows], strict=False))
    names = _PREFIX[: target.shape[1] - wanted[0] * wanted[1]]
    kept = [prefix.get(name, torch.zeros_like(source[0, 0])) for name in names]
    source = torch.cat([*(row.view(1, 1, -1) for row in kept), source[:, rows:]], dim=1)
    how = resize_of(module, resize)
    tensors['pos_embed'] = resize_position_embedding(
        source, found, wanted, how, module.interpolate_mode, len(kept)
    )
    rule = " by DINO's rule" if how == 'dino' else ''
    return [] if found == wanted else [f'pos_embed {_text(found)} -> {_text(wanted)}{rule}']


def resize_of(module: nn.Module, in_file: str | None = None) -> str:
    """Return how position embeddings are resized: as the module says, else as the file says."""
    return getattr(module, 'pos_embed_resize', None) or in_file or 'size'


def take_row_of_cls_token(
    tensors: MutableMapping[str, Tensor], grid: tuple[int, int] | None
) -> None:
    """Add the CLS token's position to the token, and drop its row: the sum is the same."""
    rows, _ = position_layout(tensors['pos_embed'], 1, grid)
    if rows:
        tensors['cls_token'] = tensors['cls_token'] + tensors['pos_embed'][:, :1]
        tensors['pos_embed'] = tensors['pos_embed'][:, 1:]


def add_row_of_cls_token(
    tensors: MutableMapping[str, Tensor], grid: tuple[int, int] | None
) -> None:
    """Give the CLS token a position of zeros if it has none."""
    rows, _ = position_layout(tensors['pos_embed'], 1, grid)
    if not rows:
        embedding = tensors['pos_embed']
        tensors['pos_embed'] = torch.cat([torch.zeros_like(embedding[:, :1]), embedding], dim=1)


def grid_of(module: nn.Module) -> tuple[int, int] | None:
    """Return rows and columns of patches of mmpretrain's or mmseg's ViT; None for others."""
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
    """Return how many rows of position embeddings are prefix tokens', and the grid of the rest.

    Either each prefix token has a row or none has: the count that fits a grid decides. ``grid`` is
    tried first, then ``fallback``, then a square.

    Args:
        source: Position embeddings (1, E + h w, C).
        prefix_tokens: Number of CLS and distillation tokens in the file.
        grid: (h, w) if it is known.
        fallback: (h, w) to take where ``grid`` is unknown and either the count of rows fits or the
            rows are no square.

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


def fit_relative_position(
    tensors: MutableMapping[str, Tensor], targets: Mapping[str, Tensor]
) -> list[str]:
    """Resize relative position tables in ``tensors`` to a module's windows.

    A table is (N, H): one bias for each offset within a window and each head. A window of w x w
    patches has (2 w - 1)^2 offsets. BEiT has three more for its CLS token, which stay as they are.

    - Swin's tables are interpolated bicubically, as its authors do when they fine-tune.
    - BEiT's tables are interpolated on a grid that is finer towards the centre, as its authors do.
    - One table of all blocks is copied to each block if the module has one per block.
    - Indices that follow from the window (``relative_position_index``) are left to the module.

    Args:
        tensors: The file's tensors by mmpretrain's names; entries are replaced.
        targets: The module's.

    Returns:
        The changes, e.g. ``['24 relative position tables 7x7 -> 12x12']``.
    """
    for name in [name for name in tensors if name.endswith('relative_position_index')]:
        del tensors[name]
    per_block = [name for name in targets if re.fullmatch(rf'layers\.\d+\.attn\.{TABLE}', name)]
    if _SHARED in tensors and per_block and _SHARED not in targets:
        table = tensors.pop(_SHARED)
        tensors.update((name, table) for name in per_block)
    changes: Counter[str] = Counter()
    for name, target in targets.items():
        source = tensors.get(name)
        if not name.endswith(TABLE) or source is None or source.shape == target.shape:
            continue
        is_swin = '.w_msa.' in name
        old, new = (window_of_table(table, is_swin) for table in (source, target))
        if old is None or new is None or source.shape[1] != target.shape[1]:
            continue  # another architecture, which is reported later
        resize = resize_rel_pos_bias_table_simple if is_swin else resize_rel_pos_bias_table
        tensors[name] = resize(source.float(), (new, new), tuple(target.shape)).to(source.dtype)
        changes[f'{old}x{old} -> {new}x{new}'] += 1
    return [f'{count} relative position tables {change}' for change, count in changes.items()]


def window_of_table(table: Tensor, is_swin: bool) -> int | None:
    """Return the patches along one side of a table's square window; None if it has none."""
    if table.ndim != 2:
        return None
    count = table.shape[0] - (0 if is_swin else _BEIT_EXTRAS)
    side = math.isqrt(max(count, 0))
    return (side + 1) // 2 if side * side == count and side % 2 == 1 else None


def _text(grid: tuple[int, int]) -> str:
    return f'{grid[0]}x{grid[1]}'
