"""Keep values that half precision would spoil from it."""

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """Return values in float32, or in float64 if they have it."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
