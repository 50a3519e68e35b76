"""Each image's random numbers follow (seed, pass, index): in any worker, and after a resumption."""

import pickle
import random
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, DefaultSampler, InfiniteSampler, worker_init_fn
from torch.utils.data import DataLoader, Dataset

from mmmask.engine.hooks.sample_seeds import Draw, NumberedSampler, SampleSeeds


class Numbers(BaseDataset):
    """Six samples, of which each is a random number of each of three generators."""

    def __init__(self) -> None:
        super().__init__(pipeline=[self.draw], serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=str(index)) for index in range(6)]

    @staticmethod
    def draw(results: dict) -> tuple:
        numbers = (random.random(), np.random.random(), float(torch.rand(())))
        return (int(results['sample_idx']), *numbers)


class Training:
    """As much of a runner as `SampleSeeds` looks at: two samples a batch, shuffled."""

    seed = 3

    def __init__(self, num_workers: int, endless: bool = False, **loader) -> None:
        dataset = Numbers()
        sampler = (InfiniteSampler if endless else DefaultSampler)(dataset, seed=5)
        self.train_dataloader = DataLoader(
            dataset,
            batch_size=2,
            sampler=sampler,
            num_workers=num_workers,
            collate_fn=list,
            **loader,
        )
        self.seeds = SampleSeeds(self)

    def epoch(self, number: int) -> list:
        self.train_dataloader.batch_sampler.sampler.set_epoch(number)
        self.seeds.set(3 * number)
        return [sample for batch in self.train_dataloader for sample in batch]

    def iterations(self, count: int, done: int = 0) -> list:
        if done:
            self.train_dataloader.sampler.skip(2 * done)  # as mmengine does for a resumption
        self.seeds.set(done)
        batches = iter(self.train_dataloader)
        return [sample for _ in range(count) for sample in next(batches)]


@pytest.mark.parametrize(
    'options', [dict(num_workers=1), dict(num_workers=2, persistent_workers=True)]
)
def test_workers_and_resumptions_see_the_same_epochs(options):
    alone, several = Training(num_workers=0), Training(**options)
    epochs = [alone.epoch(number) for number in range(3)]
    assert [several.epoch(number) for number in range(3)] == epochs
    assert Training(**options).epoch(2) == epochs[2]  # a new process goes on
    first = {sample[0]: sample[1:] for sample in epochs[0]}
    assert sorted(first) == [*range(6)] and len(set(first.values())) == 6
    assert all(first[index] != tuple(numbers) for index, *numbers in epochs[1])


@pytest.mark.parametrize('num_workers', [0, 2])
def test_endless_training_counts_its_passes(num_workers):
    expected = Training(0, endless=True).iterations(9)  # three passes over six samples
    assert Training(num_workers, endless=True).iterations(9) == expected
    assert Training(num_workers, endless=True).iterations(4, done=5) == expected[10:]
    assert len(set(expected)) == 18  # no image is augmented alike twice


def test_epochs_and_endless_training_agree_on_a_pass():
    endless = Training(0, endless=True).iterations(6)
    by_index = {sample[0]: sample for sample in Training(0).epoch(0)}
    assert all(by_index[sample[0]] == sample for sample in endless[:6])


def test_the_trainings_own_generators_stay():
    training = Training(num_workers=0)

    def draw() -> tuple:
        return random.random(), np.random.random(), float(torch.rand(()))

    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    expected = draw()
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    training.epoch(0)
    assert draw() == expected


def test_two_processes_share_the_passes(monkeypatch):
    passes = []
    for rank in (0, 1):
        monkeypatch.setattr('mmmask.engine.hooks.sample_seeds.get_rank', lambda rank=rank: rank)
        monkeypatch.setattr('mmmask.engine.hooks.sample_seeds.get_world_size', lambda: 2)
        sampler = InfiniteSampler([*range(4)], shuffle=False)
        sampler.rank, sampler.world_size = rank, 2
        draws = iter(NumberedSampler(sampler))
        passes.append([(int(d), d.round_) for d in (next(draws) for _ in range(4))])
    assert passes == [[(0, 0), (2, 0), (0, 1), (2, 1)], [(1, 0), (3, 0), (1, 1), (3, 1)]]


def test_a_draw_is_its_index_on_the_way_to_a_worker():
    draw = pickle.loads(pickle.dumps(Draw(4, 2)))
    assert (draw, draw.round_, [*'abcde'][draw]) == (4, 2, 'e')


class Noise(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.rand(())


class FakeRunner:
    def __init__(self, num_workers: int) -> None:
        self.seed = 3
        self.train_dataloader = DataLoader(Noise(), num_workers=num_workers)


def test_workers_streams_follow_seed_and_iteration():
    def epoch(iteration: int) -> list[float]:
        runner = FakeRunner(num_workers=1)
        SampleSeeds(runner).set(iteration)
        return [batch.item() for batch in runner.train_dataloader]

    first = epoch(0)
    assert epoch(0) == first
    assert set(epoch(10)).isdisjoint(first)


def test_iterators_draw_nothing_from_the_global_generator():
    runner = FakeRunner(num_workers=0)
    SampleSeeds(runner).set(0)
    torch.manual_seed(0)
    expected = torch.rand(4).tolist()
    torch.manual_seed(0)
    assert [batch.item() for batch in runner.train_dataloader] == expected


def test_a_configs_own_worker_init_is_kept():
    runner = FakeRunner(num_workers=1)
    runner.train_dataloader.worker_init_fn = print
    SampleSeeds(runner)
    assert runner.train_dataloader.worker_init_fn is print
    runner.train_dataloader.worker_init_fn = partial(worker_init_fn, num_workers=1, rank=0, seed=0)
    SampleSeeds(runner)
    assert runner.train_dataloader.worker_init_fn is None
