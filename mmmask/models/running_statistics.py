"""Choose the samples that the running statistics of batch normalisation see."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from mmmask.utils.attributes import attribute_set


def batch_norms(module: nn.Module) -> list[nn.Module]:
    """Return every layer that keeps running statistics: BatchNorm of any kind, SyncBN as well."""
    return [m for m in module.modules() if isinstance(getattr(m, 'running_mean', None), Tensor)]


@contextmanager
def running_statistics(module: nn.Module, update: bool) -> Iterator[None]:
    """Let the samples of a forward pass into the running statistics, or keep them out.

    Without ``update``, batch normalisation in training mode still normalises by the batch, but its
    running mean and variance and its count of batches stay. Evaluation mode isn't affected.

    Args:
        module: Whatever holds the layers.
        update: False: keep the samples out; True: change nothing.
    """
    with attribute_set([] if update else batch_norms(module), 'track_running_stats', False):
        yield
