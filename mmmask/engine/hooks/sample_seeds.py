"""Give every image of a training random numbers of its own, whichever worker reads it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset, InfiniteSampler, worker_init_fn
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import Runner
from torch.utils.data import BatchSampler, Dataset, Sampler


class Draw(int):
    """An index of a data set that carries how often all images have been drawn before.

    Args:
        index: The index.
        round_: Number of the pass over the data set, from 0.
    """

    round_: int

    def __new__(cls, index: int, round_: int) -> Draw:
        draw = super().__new__(cls, index)
        draw.round_ = round_
        return draw

    def __getnewargs__(self) -> tuple[int, int]:  # on the way to a worker
        return int(self), self.round_


class NumberedSampler(Sampler):
    """A sampler whose indices are `Draw`.

    Args:
        sampler: Gives the indices.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self.epoch = self.skipped = 0
        """The pass, and the indices that a resumed training doesn't draw again."""

    def __iter__(self) -> Iterator[Draw]:
        endless = isinstance(self.sampler, InfiniteSampler)
        rank, ranks = get_rank(), get_world_size()
        for position, index in enumerate(self.sampler, self.skipped):
            seen = position * ranks + rank
            yield Draw(index, seen // len(self.sampler) if endless else self.epoch)

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        if name == 'sampler':  # while it is copied
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle for an epoch."""
        self.epoch = epoch
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)


class SeededPipeline:
    """Runs a pipeline under random numbers of (seed, pass, index).

    Args:
        pipeline: Transforms of a data set.
        seed: The run's.
    """

    def __init__(self, pipeline: Callable[[dict], dict], seed: int) -> None:
        self.pipeline, self.seed = pipeline, seed

    def __call__(self, results: dict) -> dict:
        index = results.get('sample_idx')
        if isinstance(index, Draw):
            words = np.random.SeedSequence([self.seed, index.round_, index]).generate_state(3)
            random.seed(int(words[0]))
            np.random.seed(words[1])
            torch.default_generator.manual_seed(int(words[2]))
        return self.pipeline(results)

    def __getattr__(self, name: str) -> Any:
        if name == 'pipeline':  # while it is copied
            raise AttributeError(name)
        return getattr(self.pipeline, name)


class QuietBatches:
    """Reads batches, and sets this process's random numbers back once a batch: it takes time.

    Args:
        dataset: Its ``__getitems__``, by which a loader reads a batch, becomes this.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __call__(self, indices: Sequence[int]) -> list:
        before = random.getstate(), np.random.get_state(), torch.get_rng_state()
        try:
            return [self.dataset[index] for index in indices]
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            torch.set_rng_state(before[2])


class SampleSeeds:
    """Seeds the augmentation of each image of the train loader by (seed, pass, index).

    So a run with 0, 1 or 8 workers sees the same images, and so does a resumed one. Data sets that
    wrap others, and give them indices of their own, draw from their worker's stream. That follows
    (seed, rank, iteration, worker), so workers don't repeat the first epoch's, as mmengine's do.

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
        dataset, batches = self._loader.dataset, self._loader.batch_sampler
        if isinstance(dataset, BaseDataset) and isinstance(
            getattr(batches, 'sampler', None), Sampler
        ):
            batches.sampler = NumberedSampler(batches.sampler)
            dataset.pipeline = SeededPipeline(dataset.pipeline, runner.seed)
            dataset.__getitems__ = QuietBatches(dataset)

    def set(self, iteration: int) -> None:
        """Seed the epoch that starts after ``iteration`` iterations."""
        sequence = np.random.SeedSequence([self._seed, get_rank(), iteration])
        self._loader.generator.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
        batches = self._loader.batch_sampler
        if type(batches) is BatchSampler and isinstance(batches.sampler, NumberedSampler):
            batches.sampler.skipped = iteration * batches.batch_size  # mmengine skips them
