"""Choose the device that a command computes on."""

from __future__ import annotations

import torch

from mmmask.utils.errors import UserError


def pick_device(asked: str | None) -> str:
    """Return the device that was asked for, or without one a GPU where there is one.

    Args:
        asked: ``'cpu'``, ``'cuda'`` or None.

    Raises:
        UserError: A GPU was asked for, and there is none.
    """
    if asked == 'cuda' and not torch.cuda.is_available():
        raise UserError('--device cuda: there is no GPU.')
    return asked or ('cuda' if torch.cuda.is_available() else 'cpu')
