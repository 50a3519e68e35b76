"""Put a network into evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from mmmask.utils.attributes import attribute_set


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Switch every part to evaluation mode, and back to the mode of its own afterwards.

    ``eval()`` and ``train()`` aren't used: backbones override them to freeze stages.
    """
    with attribute_set(module.modules(), 'training', False):
        yield
