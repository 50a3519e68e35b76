"""Measures how fast a config's train loader gives images, and where the time of an image goes."""

from __future__ import annotations

import copy
import inspect
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import mmcv
import mmengine.fileio
import torch
from mmcv.transforms import BaseTransform, Compose
from mmengine.dataset import InfiniteSampler
from mmengine.model import BaseDataPreprocessor
from mmengine.runner import Runner, set_random_seed
from mmengine.utils.dl_utils import set_multi_processing
from mmpretrain.datasets.transforms.processing import TorchVisonTransformWrapper

from mmmask.checks.data import check_files
from mmmask.config.build import scope_of
from mmmask.config.options import read_with_options
from mmmask.datasets import load_image
from mmmask.datasets.load_image import BrokenImageError, LoadImageStrict, find_reader
from mmmask.datasets.transforms import pixels
from mmmask.engine.hooks.sample_seeds import SampleSeeds
from mmmask.utils.errors import UserError, explained
from mmmask.utils.progress import Progress, print_progress

COPIES = 5
"""Copies of a batch to the device, of which the median is taken."""


class Stopwatch:
    """Adds up the time of functions that call each other.

    Args:
        clock: Returns seconds.

    Attributes:
        parts: Path of names, outermost first -> seconds with all below it, and calls. In the order
            of the first calls.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.parts: dict[tuple[str, ...], list] = {}
        self._clock, self._path = clock, ()

    def timed(self, function: Callable, name: str | Callable[[Any], str | None]) -> Callable:
        """Return the function with its time added up.

        Args:
            function: What is called.
            name: The name of the part, or what gives it from the first argument. None leaves a call
                to the part that contains it, as does the containing part's own name.
        """

        def call(*args, **kwargs):
            part = name(args[0]) if callable(name) else name
            before = self._path
            if part is None or before[-1:] == (part,):
                return function(*args, **kwargs)
            self._path = (*before, part)
            entry = self.parts.setdefault(self._path, [0.0, 0])
            start = self._clock()
            try:
                return function(*args, **kwargs)
            finally:
                entry[0] += self._clock() - start
                entry[1] += 1
                self._path = before

        return call

    @contextmanager
    def watching(self, places: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
        """Time functions that are attributes of modules and classes: (owner, attribute, name)."""
        with ExitStack() as stack:
            for owner, attribute, name in places:
                function = getattr(owner, attribute)
                stack.callback(setattr, owner, attribute, function)
                setattr(owner, attribute, self.timed(function, name))
            yield


@dataclass(frozen=True)
class Part:
    """One part of the time of an image.

    Attributes:
        path: Names of the parts that contain it, outermost first, and its own.
        seconds: For one image, with all that it contains.
        calls: For one image.
    """

    path: tuple[str, ...]
    seconds: float
    calls: float


@dataclass(frozen=True)
class ImageTime:
    """The time in which one core makes one image of a batch.

    Attributes:
        images: Measured images.
        seconds: For one of them, in all.
        parts: Of this time; a part stands before the parts that it contains.
    """

    images: int
    seconds: float
    parts: Sequence[Part]


class TrainLoader:
    """A config's train loader, built as a training builds it, for any number of workers.

    Args:
        name: The config: a path, or ``package::path``.
        options: As ``--cfg-options``.

    Raises:
        UserError: If the config is wrong, has no loader, or its data aren't there.
    """

    def __init__(self, name: str, options: dict | None = None) -> None:
        self.config = cfg = read_with_options(name, options or {})
        if cfg.get('train_dataloader') is None:
            raise UserError(f"The config '{name}' has no train_dataloader: nothing would be read.")
        check_files(cfg, ['train'])
        settings = copy.deepcopy(cfg.train_dataloader)
        self.workers = settings.get('num_workers', 0)
        settings.num_workers = max(self.workers, 1)  # persistent_workers needs one
        set_multi_processing(**(cfg.get('env_cfg') or {}).get('mp_cfg') or {})
        with self._running('cannot be built'):
            set_random_seed(0)
            self._loader = Runner.build_dataloader(settings, seed=0)
            sampler = getattr(self._loader.batch_sampler, 'sampler', None)
            if isinstance(sampler, InfiniteSampler):  # it ends for ever when a reader of it ends
                sampler.indices = itertools.chain(sampler.indices)
            SampleSeeds(SimpleNamespace(seed=0, train_dataloader=self._loader)).set(0)
            self._fill_cache()

    def batch(self) -> tuple[int, dict]:
        """Return the number of images of a batch, and the batch as the training gets it."""
        with self._running('cannot be read'):
            return next(self._batches(0))

    def images_per_s(self, workers: int, seconds: float) -> float:
        """Measure the rate of images at a number of workers, after the first batch of each.

        Batches come in rounds, one of each worker; whole rounds are measured. A new epoch is begun
        where one ends.

        Args:
            workers: Processes that read; 0: this one.
            seconds: The measurement ends with the round after so long a time.
        """
        round_ = range(max(workers, 1))
        with self._running('cannot be read'):
            batches = self._batches(workers)
            for _ in round_:
                next(batches)
            images, start = 0, time.perf_counter()
            while (now := time.perf_counter()) < start + seconds or not images:
                images += sum(next(batches)[0] for _ in round_)
            batches.close()
        return images / (now - start)

    def image_time(self, seconds: float) -> ImageTime:
        """Measure where the time of an image goes, in this process, by one thread.

        Args:
            seconds: The measurement ends with the batch after so long a time.
        """
        watch = Stopwatch()
        images = total = 0
        with self._running('cannot be read'), _one_thread():
            batches = self._batches(0, watch)
            next(batches)  # opens what is opened once
            watch.parts.clear()
            with watch.watching(_places()):
                while total < seconds:
                    start = time.perf_counter()
                    images += next(batches)[0]
                    total += time.perf_counter() - start
        parts = [Part(path, s / images, calls / images) for path, (s, calls) in watch.parts.items()]
        other = total / images - sum(part.seconds for part in parts if len(part.path) == 1)
        parts.append(Part(('other',), other, 1.0))
        return ImageTime(images, total / images, parts)

    def _fill_cache(self) -> None:
        """Read all images that stay in memory, as after a training's first pass."""
        dataset = self._loader.dataset
        reader = find_reader(getattr(getattr(dataset, 'pipeline', None), 'transforms', ()))
        if reader.cache:
            progress = Progress('images put into memory', len(dataset), sink=print_progress)
            for index in range(len(dataset)):
                with suppress(BrokenImageError):
                    reader.load(dataset.get_data_info(index)['img_path'])
                progress.advance(1)

    def _batches(self, workers: int, watch: Stopwatch | None = None) -> Iterator[tuple[int, dict]]:
        """Yield batches without end, each with its number of images."""
        loader = copy.copy(self._loader)
        loader.num_workers = workers
        collate = loader.collate_fn if watch is None else watch.timed(loader.collate_fn, 'collate')
        loader.collate_fn = _Counted(collate)
        empty = False
        while not empty:
            empty = True
            for batch in loader:
                empty = False
                yield batch
        raise UserError('an epoch has no batch: set a smaller train_dataloader.batch_size')

    @contextmanager
    def _running(self, what: str) -> Iterator[None]:
        with scope_of(self.config), explained(f"the train_dataloader's images {what}"):
            yield


def copy_time(batch: dict, images: int) -> float:
    """Measure the seconds in which one image of a batch is copied to the GPU."""
    preprocessor = BaseDataPreprocessor().to('cuda')
    found = []
    for _ in range(COPIES):
        torch.cuda.synchronize()
        start = time.perf_counter()
        preprocessor.cast_data(batch)
        torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return sorted(found)[COPIES // 2] / images


def waiting_share(workers: int, images_per_s: float, needed: float) -> float:
    """Return the share of a training's time that waits for data, as two rates let expect.

    Without workers, reading and steps take turns. With workers, the slower of both sets the pace.

    Args:
        workers: Processes that read.
        images_per_s: The loader's rate.
        needed: The step's rate where images are there at once.
    """
    if workers == 0:
        return needed / (needed + images_per_s)
    return max(0.0, 1 - images_per_s / needed)


class _Counted:
    """Collates samples and counts them."""

    def __init__(self, collate: Callable) -> None:
        self._collate = collate

    def __call__(self, samples: list) -> tuple[int, Any]:
        return len(samples), self._collate(samples)


def _places() -> list[tuple[Any, str, Any]]:
    """Return what is timed: reading, decoding, every transform, and what MultiCrop calls."""
    functions = inspect.getmembers(pixels, inspect.isfunction)
    return [
        (BaseTransform, '__call__', _name_of),
        (TorchVisonTransformWrapper, '__call__', lambda wrapper: type(wrapper.t).__name__),
        (mmengine.fileio, 'get', 'read'),
        (load_image, 'read_file', 'read'),
        (LoadImageStrict, '_decode', 'decode'),
        (mmcv, 'imfrombytes', 'decode'),
        *((pixels, name, name) for name, _ in functions if not name.startswith('_')),
    ]


def _name_of(transform: BaseTransform) -> str | None:
    return None if isinstance(transform, Compose) else type(transform).__name__


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
