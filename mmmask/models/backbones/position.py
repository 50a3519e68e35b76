"""Compute fixed position embeddings."""

import torch
from torch import Tensor


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
