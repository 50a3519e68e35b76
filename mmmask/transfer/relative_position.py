"""Relative position tables of another window."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, MutableMapping

from timm.layers import resize_rel_pos_bias_table, resize_rel_pos_bias_table_simple
from torch import Tensor

_TABLE = 'relative_position_bias_table'
_SHARED = f'rel_pos_bias.{_TABLE}'
_BEIT_EXTRAS = 3  # CLS to patch, patch to CLS, CLS to CLS


def fit_relative_position(
    tensors: MutableMapping[str, Tensor], targets: Mapping[str, Tensor]
) -> list[str]:
    """Fit relative position tables to a module, in place of the mapping's entries.

    A table is (N, H): one bias for each offset within a window and head. Of w x w patches there
    are (2 w - 1)^2 offsets, and three more in BEiT for its CLS token, which stay as they are.
    Another window's table is interpolated as its authors do when they fine-tune: Swin's by bicubic
    interpolation, BEiT's on a grid that is finer towards the centre. One table that all blocks
    share is copied to each block where the module has one per block (BEiT's fine-tuning). Indices
    that follow from the window (``relative_position_index``) are left to the module.

    Args:
        tensors: The file's, by mmpretrain's names.
        targets: The module's.

    Returns:
        What was resized, e.g. ``['24 relative position tables 7x7 -> 12x12']``.
    """
    for name in [name for name in tensors if name.endswith('relative_position_index')]:
        del tensors[name]
    per_block = [name for name in targets if re.fullmatch(rf'layers\.\d+\.attn\.{_TABLE}', name)]
    if _SHARED in tensors and per_block and _SHARED not in targets:
        table = tensors.pop(_SHARED)
        tensors.update((name, table) for name in per_block)
    counts: dict[str, int] = {}
    for name, target in targets.items():
        source = tensors.get(name)
        if not name.endswith(_TABLE) or source is None or source.shape == target.shape:
            continue
        extras = 0 if '.w_msa.' in name else _BEIT_EXTRAS
        old, new = (_window(table, extras) for table in (source, target))
        if old is None or new is None or source.shape[1] != target.shape[1]:
            continue  # of another architecture, which is found out elsewhere
        resize = resize_rel_pos_bias_table if extras else resize_rel_pos_bias_table_simple
        tensors[name] = resize(source.float(), (new, new), tuple(target.shape)).to(source.dtype)
        change = f'{old}x{old} -> {new}x{new}'
        counts[change] = counts.get(change, 0) + 1
    return [f'{count} relative position tables {change}' for change, count in counts.items()]


def _window(table: Tensor, extras: int) -> int | None:
    """Patches along one side of a square window, None if the table isn't of one."""
    if table.ndim != 2:
        return None
    side = math.isqrt(max(table.shape[0] - extras, 0))
    fits = side * side == table.shape[0] - extras and side % 2 == 1
    return (side + 1) // 2 if fits else None
