"""Epochs by images seen, where training counts iterations."""

from types import SimpleNamespace

import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import DataLoader, IterableDataset

from mmmask.engine.epochs import current_epoch, steps_per_epoch


def runner_of(loader, iteration=0, world_size=1):
    return SimpleNamespace(train_dataloader=loader, iter=iteration, world_size=world_size)


@pytest.mark.parametrize(
    ('batch', 'world_size', 'steps'),
    [(8, 1, 5), (8, 2, 2), (8, 8, 1), (40, 1, 1)],
)
def test_an_endless_sampler_counts_all_processes(batch, world_size, steps):
    data = list(range(40))
    loader = DataLoader(data, batch_size=batch, sampler=InfiniteSampler(data))
    assert steps_per_epoch(runner_of(loader, world_size=world_size)) == steps
    assert current_epoch(runner_of(loader, 2 * steps, world_size)) == 2
    assert current_epoch(runner_of(loader, 2 * steps - 1, world_size)) == 1


def test_a_sampler_of_one_process_counts_its_own():
    data = list(range(40))
    loader = DataLoader(data, batch_size=8, sampler=DefaultSampler(data))
    assert steps_per_epoch(runner_of(loader, world_size=2)) == 5


def test_without_a_length_an_epoch_is_an_iteration():
    class Endless(IterableDataset):
        def __iter__(self):
            yield 0

    assert steps_per_epoch(runner_of(DataLoader(Endless()))) == 1
