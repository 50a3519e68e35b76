"""Seeds a data loader's workers independently of earlier iterations."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.dataset import worker_init_fn
from mmengine.dist import get_rank
from mmengine.runner import Runner


class LoaderSeed:
    """Makes the train loader's workers draw streams that follow (seed, rank, iteration, worker).

    mmengine seeds a worker with (seed, rank, worker) alone: workers that are started anew each
    epoch repeat the first epoch's augmentations for ever. And an iterator without workers, too,
    takes one number from torch's global generator, which a resumed run would do at another time.

    Args:
        runner: A runner whose train loop is built.
    """

    def __init__(self, runner: Runner) -> None:
        self._seed = runner.seed  # differs from rank to rank if and only if diff_rank_seed
        self._loader = runner.train_dataloader
        self._loader.generator = torch.Generator()
        if getattr(self._loader.worker_init_fn, 'func', None) is worker_init_fn:
            self._loader.worker_init_fn = (
                None  # torch seeds Python, numpy and torch in each worker from the generator
            )

    def set(self, iteration: int) -> None:
        """Seed the epoch that starts after ``iteration`` iterations."""
        sequence = np.random.SeedSequence([self._seed, get_rank(), iteration])
        self._loader.generator.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
