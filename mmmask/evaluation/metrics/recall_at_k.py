"""Measure Recall@k of retrieval by class (Oh Song et al. 2016, as AttMask's Table 8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .finite import finite

NEVER = torch.iinfo(torch.int64).max


def recall_at_k(
    similarity: Tensor | np.ndarray,
    query_labels: Tensor | Sequence[int],
    gallery_labels: Tensor | Sequence[int],
    ks: Sequence[int],
    same_set: bool = False,
) -> dict[int, float]:
    """Return the share of queries with an image of their class among the k nearest, in per cent.

    Equal similarities come in the order of the gallery. A query whose class the gallery lacks is
    a miss. A k above the gallery's size takes the whole gallery.

    Args:
        similarity: (Q, N) of queries and gallery images, larger is nearer.
        query_labels: (Q,).
        gallery_labels: (N,).
        ks: Numbers of neighbours, at least 1.
        same_set: Whether query i is gallery image i, which then doesn't find itself.

    Returns:
        k -> Recall@k.

    Raises:
        DivergedError: If a similarity isn't finite.
        ValueError: If shapes differ or a k isn't positive.
    """
    similarity = finite(similarity, 'similarities')
    queries, gallery = torch.as_tensor(query_labels), torch.as_tensor(gallery_labels)
    shape = (len(queries), len(gallery))
    if similarity.shape != shape or (same_set and len(queries) != len(gallery)):
        raise ValueError(f'{tuple(similarity.shape)} similarities do not fit labels of {shape}')
    if not len(queries) or min(ks) < 1:
        raise ValueError(f'recall needs queries and ks of at least 1, not {ks}')
    own = torch.arange(len(queries)) if same_set else None
    places = first_match(similarity, queries, gallery, own)
    return {k: 100 * float((places < k).double().mean()) for k in ks}


def first_match(
    similarity: Tensor, query_labels: Tensor, gallery_labels: Tensor, own: Tensor | None = None
) -> Tensor:
    """Return the place of the nearest image of each query's class, without sorting.

    Args:
        similarity: (Q, N), finite.
        query_labels: (Q,).
        gallery_labels: (N,).
        own: (Q,) gallery indices of the queries themselves, which are left out; None: no query is
            in the gallery.

    Returns:
        (Q,) int64 from 0; `NEVER` where there is no such image.
    """
    places, size = torch.arange(similarity.shape[1], device=similarity.device), similarity.shape[1]
    others = torch.ones_like(similarity, dtype=torch.bool)
    if own is not None:
        others = places != own[:, None]
    match = others & (query_labels[:, None] == gallery_labels)
    best = similarity.masked_fill(~match, -torch.inf).amax(dim=1, keepdim=True)
    first = torch.where(match & (similarity == best), places, size).amin(dim=1, keepdim=True)
    nearer = (similarity > best) | ((similarity == best) & (places < first))
    return torch.where(first[:, 0] < size, (nearer & others).sum(dim=1), NEVER)
