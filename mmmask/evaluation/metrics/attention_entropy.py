"""Measure how widely attention is spread."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .finite import finite


def attention_entropy(attention: Tensor | np.ndarray) -> Tensor:
    """Return the entropy of attention over patches, in nats.

    Each row is divided by its sum first, as attention to CLS itself is no patch's. 0: one patch has
    all attention. ln L: all L patches have equal shares. A row of zeros has no entropy (NaN).

    Args:
        attention: (..., L), not negative.

    Returns:
        (...) float64.

    Raises:
        DivergedError: If a value isn't finite.
    """
    weights = finite(attention, 'attention weights')
    return torch.special.entr(weights / weights.sum(dim=-1, keepdim=True)).sum(dim=-1)
