"""Evaluates in the middle of training without a trace."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from mmmask.engine.hooks.rng_state import capture_rng_state, restore_rng_state
from mmmask.utils.modes import evaluating


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Switch a model to evaluation mode; restore modes and random states afterwards.

    Random numbers matter although nothing random is evaluated: even making an iterator of a data
    loader draws one.

    Args:
        model: The model whose modes are kept.
    """
    state = capture_rng_state()
    try:
        with evaluating(model):
            yield
    finally:
        restore_rng_state(state)
