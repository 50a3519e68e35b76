"""Evaluating in the middle of training without a trace."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from mmmask.engine.hooks.rng_state import capture_rng_state, restore_rng_state


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Inside, every module is in evaluation mode; afterwards modes and random states are as before.

    Random numbers matter although nothing random is evaluated: even making an iterator of a data
    loader draws one.

    Args:
        model: The model whose modes are kept.
    """
    modes = [(module, module.training) for module in model.modules()]
    state = capture_rng_state()
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, training in modes:
            module.training = training
        restore_rng_state(state)
