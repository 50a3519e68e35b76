"""Count epochs by the images that have been seen, in training by epochs and by iterations."""

from __future__ import annotations

from mmengine.dataset import InfiniteSampler
from mmengine.runner import Runner


def steps_per_epoch(runner: Runner) -> int:
    """Return the iterations in which all processes see as many images as the data set has.

    mmengine's own epoch stays 0 where training counts iterations. A loader without a length gives
    1: epochs are iterations there.
    """
    loader = runner.train_dataloader
    try:
        length = len(loader)
    except (TypeError, OverflowError, ValueError):
        return 1
    if isinstance(
        getattr(loader, 'sampler', None), InfiniteSampler
    ):  # its length is the data set's in each process
        length //= runner.world_size
    return max(length, 1)


def current_epoch(runner: Runner) -> int:
    """Return the epoch that an iteration belongs to, from 0."""
    return runner.iter // steps_per_epoch(runner)
