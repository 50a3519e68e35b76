"""Exact nearest neighbours in blocks, with ties in a fixed order."""

from __future__ import annotations

import torch
from torch import Tensor

from mmmask.utils.errors import UserError


def nearest_neighbours(
    bank: Tensor, queries: Tensor, k: int, chunk_size: int = 4096
) -> tuple[Tensor, Tensor]:
    """The k rows of the bank with the largest inner product with each query.

    Blocks of ``chunk_size`` queries meet blocks of ``chunk_size`` rows of the bank, so the N x Q
    matrix never exists. Neighbours come in the order of falling similarity, equal ones in the order
    of the bank: the first j columns are the answer for every j <= k.

    Args:
        bank: (N, C), L2-normalised for cosine similarity.
        queries: (Q, C), likewise, on the same device.
        k: Neighbours of each query, 1 <= k <= N.
        chunk_size: Rows and columns of a block, at least 1.

    Returns:
        Similarities (Q, k) and rows of the bank (Q, k), int64.

    Raises:
        UserError: If k is out of range.
    """
    if not 1 <= k <= len(bank):
        raise UserError(f'k = {k} neighbours of a bank of {len(bank)}: choose 1 to {len(bank)}')
    parts = [_search(bank, part, k, chunk_size) for part in queries.split(chunk_size)]
    similarities, rows = zip(*parts)
    return torch.cat(similarities), torch.cat(rows)


def _search(bank: Tensor, queries: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """One block of queries against the whole bank, block by block."""
    best = queries.new_empty(len(queries), 0)
    rows = torch.empty(len(queries), 0, dtype=torch.long, device=queries.device)
    for start in range(0, len(bank), chunk_size):
        block = queries @ bank[start : start + chunk_size].T  # (q, n)
        numbers = torch.arange(start, start + block.shape[1], device=rows.device)
        # Equal values keep their columns' order, which is the bank's: the best so far come first.
        best, order = torch.cat((best, block), dim=1).sort(dim=1, descending=True, stable=True)
        best, order = best[:, :k], order[:, :k]
        rows = torch.cat((rows, numbers.expand_as(block)), dim=1).gather(1, order)
    return best, rows
