"""The parts of an image's time by a clock by hand, and a real loader."""

from types import SimpleNamespace

import mmengine.fileio
import pytest
from mmcv.transforms import BaseTransform, Compose

from mmmask.timing.loader_timing import Stopwatch, TrainLoader, waiting_share
from mmmask.utils.errors import UserError


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def spend(self, seconds: float):
        self.now += seconds


def test_nested_parts_of_hand_made_times():
    clock = Clock()
    watch = Stopwatch(clock)
    blur = watch.timed(lambda: clock.spend(3), 'blur')

    def crop(times):
        clock.spend(1)
        for _ in range(times):
            blur()

    crop = watch.timed(crop, 'crop')
    crop(2)
    crop(0)
    blur()
    assert watch.parts == {
        ('crop',): [1 + 3 + 3 + 1, 2],
        ('crop', 'blur'): [6, 2],
        ('blur',): [3, 1],
    }


def test_a_part_within_itself_counts_once():
    clock = Clock()
    watch = Stopwatch(clock)
    inner = watch.timed(lambda: clock.spend(2), 'read')
    watch.timed(lambda: [clock.spend(1), inner()], 'read')()
    assert watch.parts == {('read',): [3, 1]}


def test_an_error_ends_its_part():
    clock = Clock()
    watch = Stopwatch(clock)

    def broken():
        clock.spend(2)
        raise OSError

    with pytest.raises(OSError):
        watch.timed(broken, 'read')()
    watch.timed(lambda: clock.spend(1), 'blur')()
    assert watch.parts == {('read',): [2, 1], ('blur',): [1, 1]}


def test_functions_are_put_back():
    owner = SimpleNamespace(read=abs)
    watch = Stopwatch()
    with pytest.raises(ZeroDivisionError), watch.watching([(owner, 'read', 'read')]):
        assert owner.read(-2) == 2
        raise ZeroDivisionError
    assert owner.read is abs and watch.parts[('read',)][1] == 1


@pytest.mark.parametrize(
    'workers, rate, needed, expected',
    [
        (0, 100, 100, 0.5),  # in turns, both take 10 ms of an image
        (0, 300, 100, 0.25),  # 3.3 of 13.3 ms
        (1, 100, 100, 0.0),
        (2, 60, 100, 0.4),  # an image each 16.7 ms, of which the step takes 10
        (2, 500, 100, 0.0),
    ],
)
def test_the_waiting_that_two_rates_let_expect(workers, rate, needed, expected):
    assert waiting_share(workers, rate, needed) == pytest.approx(expected)


def test_a_real_loader(tiny_config):
    loader = TrainLoader(str(tiny_config))
    assert loader.workers == 0
    count, batch = loader.batch()
    assert count == len(batch['inputs']) == 4
    assert loader.images_per_s(0, seconds=0.01) > 0
    assert loader.images_per_s(2, seconds=0.01) > 0
    loader = TrainLoader(str(tiny_config), {'train_dataloader.sampler.type': 'InfiniteSampler'})
    assert loader.batch()[0] == loader.batch()[0] == 4
    call, get = BaseTransform.__call__, mmengine.fileio.get
    found = loader.image_time(0.01)
    assert (BaseTransform.__call__, mmengine.fileio.get) == (call, get)
    parts = {part.path: part for part in found.parts}
    assert list(parts) == [
        ('LoadImageFromFile',),
        ('LoadImageFromFile', 'read'),
        ('LoadImageFromFile', 'decode'),
        ('RandomResizedCrop',),
        ('PackInputs',),
        ('collate',),
        ('other',),
    ]
    assert parts[('PackInputs',)].calls == 1 and parts[('collate',)].calls == 1 / 4
    top = sum(part.seconds for path, part in parts.items() if len(path) == 1)
    assert top == pytest.approx(found.seconds)
    inner = parts[('LoadImageFromFile', 'read')].seconds
    assert 0 < inner < parts[('LoadImageFromFile',)].seconds


def test_nested_transforms(tiny_config):
    """A wrapper of transforms contains them; a list of transforms isn't a part of its own."""
    steps = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    flip = dict(type='RandomFlip', prob=0.0)
    wrapped = dict(type='RandomApply', transforms=[flip], prob=1.0)
    grey = dict(type='torchvision/RandomGrayscale', p=0.0)
    steps[1:1] = [wrapped, dict(type='torchvision/ToTensor'), grey]
    options = {'train_dataloader.dataset.pipeline': steps}
    parts = [part.path for part in TrainLoader(str(tiny_config), options).image_time(0.01).parts]
    assert ('RandomApply', 'RandomFlip') in parts
    assert ('RandomGrayscale',) in parts
    assert not any(Compose.__name__ in path for path in parts)


@pytest.mark.parametrize(
    'options, message',
    [
        ({'train_dataloader': None}, 'has no train_dataloader'),
        ({'train_dataloader.dataset.data_root': 'nowhere'}, 'nowhere'),
        (
            {'train_dataloader.batch_size': 99, 'train_dataloader.drop_last': True},
            'an epoch has no batch',
        ),
    ],
)
def test_mistakes(options, message, tiny_config):
    with pytest.raises(UserError, match=message):
        TrainLoader(str(tiny_config), options).batch()
