"""Find the place of the true class among the scores of all classes, and count the right ones."""

from __future__ import annotations

import torch
from torch import Tensor


def label_ranks(scores: Tensor, labels: Tensor) -> Tensor:
    """Count the classes that come before the true one, (N,) int64; of equal scores the lower does.

    Args:
        scores: (N, K).
        labels: True classes, (N,).
    """
    own = scores.gather(1, labels[:, None])
    lower = torch.arange(scores.shape[1], device=scores.device) < labels[:, None]
    return ((scores > own) | ((scores == own) & lower)).sum(dim=1)


def reported_tops(num_classes: int) -> list[int]:
    """Return 1, and 5 where there are more than five classes: the tops of top-k accuracy."""
    return [top for top in (1, 5) if top == 1 or top < num_classes]


def top_outcomes(ranks: Tensor, num_classes: int) -> dict[int, Tensor]:
    """Return 100 for each right image and 0 for the others, for each reported top, float64.

    Their mean over images is the accuracy in per cent.

    Args:
        ranks: The place of the true class, (N, ...).
        num_classes: Classes.

    Returns:
        Top -> (N, ...), on the CPU.
    """
    ranks = ranks.cpu()
    return {top: 100 * (ranks < top).double() for top in reported_tops(num_classes)}
