"""Choose the patches that hold most of the attention (DINO, Figure 4)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from .finite import finite


def attended(attention: Tensor | np.ndarray, mass: float = 0.6) -> Tensor:
    """Mark the fewest patches that hold a share of the attention, the highest ones.

    Args:
        attention: (..., L), not negative; every row is divided by its sum.
        mass: The share, in (0, 1].

    Returns:
        (..., L) bool. Of equal patches the earlier one is taken first. A row of zeros marks none.

    Raises:
        DivergedError: If a value isn't finite.
        ValueError: If the mass is out of range.
    """
    if not 0 < mass <= 1:
        raise ValueError(f'mass must be in (0, 1], not {mass}')
    weights = finite(attention, 'attention weights')
    order = weights.argsort(dim=-1, descending=True, stable=True)
    falling = weights.gather(-1, order)
    total = falling.sum(dim=-1, keepdim=True)
    before = falling.cumsum(dim=-1) - falling  # the mass of the patches in front
    # A share such as 0.6 of a sum isn't exact: without slack, one patch more could be needed.
    kept = (before < total * (mass - 1e-9)) & (falling > 0)
    return kept.new_zeros(kept.shape).scatter(-1, order, kept)
