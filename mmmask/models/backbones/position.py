"""Compute fixed position embeddings, and resize position embeddings."""

import torch
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor
from torch.nn.functional import interpolate

from ..precision import at_least_float32

RESIZES = ('size', 'dino')
"""How position embeddings can be resized, see :func:`resize_position_embedding`."""

_DINO_OFFSET = 0.1
"""Patches that DINO's code adds to the size, against rounding errors."""


def resize_position_embedding(
    embedding: Tensor,
    source: tuple[int, int],
    target: tuple[int, int],
    resize: str = 'size',
    mode: str = 'bicubic',
    num_extra_tokens: int = 1,
) -> Tensor:
    """Resize position embeddings to another grid of patches; on the same grid they stay.

    A patch i of n reads the s source patches at (i + 0.5) / r - 0.5.

    - ``'size'``: r = n / s, as mmpretrain does.
    - ``'dino'``: r = (n + 0.1) / s, as in the code of DINO, iBOT and AttMask. The last patch of a
      96-pixel crop, n = 6 of s = 14, then reads 0.21 source patches nearer to the first.

    Args:
        embedding: (1, E + h w, C).
        source: Rows h and columns w.
        target: Rows and columns (h', w') that are wanted.
        resize: One of :data:`RESIZES`.
        mode: Interpolation, as torch's.
        num_extra_tokens: Leading embeddings E, which stay.

    Returns:
        (1, E + h' w', C).
    """
    source, target = tuple(source), tuple(target)
    if resize == 'size' or source == target:
        return resize_pos_embed(embedding, source, target, mode, num_extra_tokens)
    extra, patches = embedding.tensor_split([num_extra_tokens], dim=1)
    maps = patches.unflatten(1, source).permute(0, 3, 1, 2)
    ratios = tuple((new + _DINO_OFFSET) / old for new, old in zip(target, source))
    maps = interpolate(at_least_float32(maps), scale_factor=ratios, mode=mode)
    return torch.cat((extra, maps.flatten(2).transpose(1, 2).to(embedding.dtype)), dim=1)


def sincos_position_embedding(rows: int, columns: int, width: int) -> Tensor:
    """Compute MAE's 2-D sine-cosine embedding: half of the width for the column, half for the row.

    mmpretrain has one, too, which numbers the patches of a grid that isn't square by columns.

    Args:
        rows: Rows of patches.
        columns: Columns of patches.
        width: C, a multiple of 4.

    Returns:
        (1, rows * columns, C), patches in row-major order.

    Raises:
        ValueError: If the width is no multiple of 4.
    """
    if width % 4:
        raise ValueError(f'A 2-D sine-cosine embedding needs a multiple of 4, got width {width}.')
    frequencies = 10000 ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    row, column = torch.meshgrid(
        torch.arange(rows, dtype=torch.float64),
        torch.arange(columns, dtype=torch.float64),
        indexing='ij',
    )
    parts = []
    for position in (column, row):
        angles = position.flatten().unsqueeze(1) * frequencies
        parts += [angles.sin(), angles.cos()]
    return torch.cat(parts, dim=1).float().unsqueeze(0)
