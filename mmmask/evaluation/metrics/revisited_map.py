"""Measure the mean average precision of revisited Oxford and Paris (Radenović et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

PROTOCOLS = dict(
    easy=(('easy',), ('junk', 'hard')),
    medium=(('easy', 'hard'), ('junk',)),
    hard=(('hard',), ('junk', 'easy')),
)
"""Protocol -> the lists whose images are positive, and those whose images are ignored."""


def revisited_map(
    ranks: np.ndarray, relevant: Sequence[Mapping[str, Sequence[int]]]
) -> dict[str, float]:
    """Return the mean average precision of the three protocols, in per cent.

    Args:
        ranks: See :func:`revisited_precisions`.
        relevant: See :func:`revisited_precisions`.

    Returns:
        ``easy``, ``medium`` and ``hard``; NaN where no query has positives.
    """
    return {
        protocol: float(precisions.mean()) if len(precisions) else float('nan')
        for protocol, precisions in revisited_precisions(ranks, relevant).items()
    }


def revisited_precisions(
    ranks: np.ndarray, relevant: Sequence[Mapping[str, Sequence[int]]]
) -> dict[str, np.ndarray]:
    """Return the average precision of each query by the three protocols, in per cent.

    Ignored images are taken out of a query's ranks before precision is counted. A query without
    positives is left out. Positives that the ranks lack are never found.

    Args:
        ranks: (N, Q) indices of database images, the most similar first; one column a query.
        relevant: For each query the database indices that are ``easy``, ``hard`` and ``junk``.

    Returns:
        ``easy``, ``medium`` and ``hard``, (queries with positives,) each.

    Raises:
        ValueError: If there aren't as many queries in both.
    """
    ranks = np.asarray(ranks)
    if ranks.ndim != 2 or ranks.shape[1] != len(relevant):
        raise ValueError(f'ranks must be (N, {len(relevant)}), not {ranks.shape}')
    found = {}
    for protocol, (positive, ignored) in PROTOCOLS.items():
        precisions = []
        for column, lists in zip(ranks.T, relevant, strict=True):
            wanted = [index for name in positive for index in lists[name]]
            left_out = [index for name in ignored for index in lists[name]]
            if wanted:
                kept = column[~np.isin(column, left_out)]
                places = np.flatnonzero(np.isin(kept, wanted))
                precisions.append(average_precision(places, len(wanted)))
        found[protocol] = 100 * np.array(precisions)
    return found


def average_precision(places: np.ndarray, positives: int) -> float:
    """Return the area under precision over recall, by the trapezoid rule.

    Each positive adds the mean of the precisions just before and at its place. Before the first
    place precision is 1.

    Args:
        places: The places of the positives that were found, from 0, rising.
        positives: How many positives there are, at least 1.
    """
    found = np.arange(len(places))
    before = np.where(places == 0, 1.0, found / np.maximum(places, 1))
    return float(((before + (found + 1) / (places + 1)) / 2).sum() / positives)
