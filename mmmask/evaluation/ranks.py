"""Find the place of the true class among the scores of all classes."""

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
