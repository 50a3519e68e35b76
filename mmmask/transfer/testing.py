"""Weights for ``tools/test.py``."""

from __future__ import annotations

from torch import nn

from mmmask.utils.unwrap import unwrap

from .checkpoint import read_checkpoint
from .exceptions import Allowed
from .formats import select, whole
from .loading import load_strictly


def load_full(model: nn.Module, path: str) -> str:
    """Load a whole model, strictly.

    Args:
        model: The model, in a data-parallel wrapper or not.
        path: As :func:`read_checkpoint`'s.

    Returns:
        The line that was logged.

    Raises:
        UserError: If the checkpoint can't be read, or is another model's.
    """
    model = unwrap(model)
    checkpoint = read_checkpoint(path)
    return load_strictly(model, checkpoint, whole(checkpoint), Allowed())


def load_for_test(model: nn.Module, path: str, source: str = 'auto') -> str:
    """Load what a test needs: the whole model, or its backbone if there is nothing else in it.

    Args:
        model: The model, in a data-parallel wrapper or not.
        path: As :func:`read_checkpoint`'s; any pre-training checkpoint for a model that is nothing
            but a ``backbone`` (frozen protocols).
        source: Which backbone of a self-distillation checkpoint such a model takes.

    Returns:
        The line that was logged.

    Raises:
        UserError: If the checkpoint can't be read, or is another model's.
    """
    model = unwrap(model)
    if not all(name.startswith('backbone.') for name in model.state_dict()):
        return load_full(model, path)
    checkpoint = read_checkpoint(path)
    selection = select(checkpoint, source, None, model.backbone.state_dict())
    return load_strictly(model.backbone, checkpoint, selection, Allowed())
