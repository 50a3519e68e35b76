"""Read arrays for metrics."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmmask.utils.errors import DivergedError


def finite(values: Tensor | np.ndarray, name: str = 'features') -> Tensor:
    """Return values as a float64 tensor on the CPU.

    Args:
        values: Any shape.
        name: Names the values in the error.

    Raises:
        DivergedError: If a value is NaN or infinite.
    """
    tensor = torch.as_tensor(values).detach().cpu().double()
    if not tensor.isfinite().all():
        raise DivergedError(f'the {name} are not finite: the network has diverged')
    return tensor
