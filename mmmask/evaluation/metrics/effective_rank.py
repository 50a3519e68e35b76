"""Count the dimensions that features use (RankMe, Garrido et al. 2023)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .finite import finite


def effective_rank(features: Tensor | np.ndarray) -> float:
    r"""Return :math:`\exp(-\sum_k p_k \log p_k)` with :math:`p_k = \sigma_k / \sum_j \sigma_j`.

    The sigmas are the singular values of the features, which are not centred (RankMe, Eq. 1). The
    paper adds 1e-7 to each p; here 0 log 0 is 0, and nothing is added.

    Args:
        features: (N, C), N at least 1.

    Returns:
        A number in [1, min(N, C)]; 0 if all features are 0.

    Raises:
        DivergedError: If a feature isn't finite.
    """
    values = torch.linalg.svdvals(finite(features))
    if not values.any():
        return 0.0
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())
