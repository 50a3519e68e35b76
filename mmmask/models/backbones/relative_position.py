"""Add learned relative positions to the logits of attention.

Shapes: B images or windows of a grid of h x w patches, N = h w, H heads of d channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SharedRelativePositions(nn.Module):
    """Learn a number for each head and offset between two patches, as BEiT does.

    The detector of arXiv 2111.11429 has one such module for all windowed blocks, and another one
    for all global blocks. The logit of the query at row i and column j and the key at row k and
    column l grows by ``table[head, i - k + h - 1, j - l + w - 1]``. Tables begin with zeros, so a
    pre-trained network computes what it did.

    Args:
        grid: Rows h and columns w. For another grid the table is interpolated.
        num_heads: Heads H.
    """

    def __init__(self, grid: tuple[int, int], num_heads: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(num_heads, *(2 * side - 1 for side in grid)))

    def forward(self, queries: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return the numbers (1, H, N, N) for queries (B, H, N, d) of a grid."""
        table = _resize(self.table, grid).to(queries.dtype)
        pairs = table.unfold(1, grid[0], 1).unfold(2, grid[1], 1).flip(3, 4)  # (H, h, w, h, w)
        return pairs.flatten(3).flatten(1, 2)[None]


class DecomposedRelativePositions(nn.Module):
    """Learn a vector for each offset of rows and for each offset of columns, as MViTv2 does.

    ViTDet's published code has one such module in each block. The logit of a query q and a key
    grows by q * ``rows[i - k + h - 1]`` + q * ``columns[j - l + w - 1]``. The vectors are the same
    for all heads, and begin with zeros.

    Args:
        grid: Rows h and columns w. For another grid the vectors are interpolated.
        head_dims: Channels d of a head.
    """

    def __init__(self, grid: tuple[int, int], head_dims: int) -> None:
        super().__init__()
        self.rows, self.columns = (
            nn.Parameter(torch.zeros(2 * side - 1, head_dims)) for side in grid
        )

    def forward(self, queries: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return the numbers (B, H, N, N) for queries (B, H, N, d), which aren't scaled."""
        rows, columns = (
            _resize(vectors.T, (side,)).to(queries.dtype).unfold(1, side, 1).flip(2)  # (d, h, h)
            for vectors, side in zip((self.rows, self.columns), grid)
        )
        queries = queries.unflatten(2, grid)
        by_rows = torch.einsum('bnijc,cik->bnijk', queries, rows)
        by_columns = torch.einsum('bnijc,cjl->bnijl', queries, columns)
        return (by_rows[..., None] + by_columns[..., None, :]).flatten(4).flatten(2, 3)


def _resize(table: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Interpolate a table (C, ...) linearly to the offsets that a grid has; its centre stays."""
    size = tuple(2 * side - 1 for side in grid)
    if table.shape[1:] == size:
        return table
    return F.interpolate(table[None], size=size, mode=('linear', 'bilinear')[len(size) - 1])[0]
