"""Measures time, operations and memory of a training step, of one config or two.

Two configs are timed in pairs within one run, each first in every other pair. The two steps of a
pair draw the same random numbers. So the machine's other work, and the number of masked patches,
are alike for both.
"""

from __future__ import annotations

import copy
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import FUNCTIONS
from mmengine.runner import set_random_seed
from mmpretrain.registry import HOOKS, TRANSFORMS

from mmmask.config.build import build_model, scope_of
from mmmask.config.options import read_with_options
from mmmask.config.read import config_name
from mmmask.engine.hooks import EMATeacherHook, PerParameterGradClipHook
from mmmask.engine.step_cost import step_operations, trained_parameters
from mmmask.launch.acceleration import compile_model, fuse_optimizer, train_in
from mmmask.utils.errors import UserError, explained
from mmmask.utils.progress import Progress

# The hooks that compute something in every step. Schedules set numbers; the layer that is frozen
# in the first epoch isn't frozen afterwards.
STEP_HOOKS = (EMATeacherHook, PerParameterGradClipHook)


def read_training(name: str, options: dict) -> Config:
    """Read a config with options as of ``--cfg-options``.

    Raises:
        UserError: If it is wrong, or isn't a training's.
    """
    cfg = read_with_options(name, options)
    for key in ('model', 'train_dataloader', 'optim_wrapper'):
        if cfg.get(key) is None:
            raise UserError(f"The config '{name}' has no {key}: there is no step to time.")
    return cfg


class Step:
    """A config's model, optimiser and hooks, which take steps on one batch.

    Made-up images pass the config's own pipeline (without reading) and collation, so that the batch
    has the shapes and views of a training. A named checkpoint isn't read: weights are random. Rates
    and temperatures are the config's, without schedules. A first step has been taken.

    Args:
        name: The config: a path, or ``package::path``.
        options: As ``--cfg-options``.
        device: ``'cpu'`` or ``'cuda'``.
        batch_size: Images in a batch; None: the config's, of one process.
        amp: As ``--amp``; None: the config's format, on a CPU without fp16.
        batch: What the train loader gave; None: made-up images.
        compile: Backend that compiles the transformer blocks; None: they aren't compiled.

    Attributes:
        hooks: Names of the hooks that are part of the step.

    Raises:
        UserError: If the config is wrong or isn't a pre-training's, or a step fails.
    """

    def __init__(
        self,
        name: str,
        options: dict | None = None,
        device: str = 'cpu',
        batch_size: int | None = None,
        amp: str | None = None,
        batch: dict | None = None,
        compile: str | None = None,
    ) -> None:
        self.name, self.device = config_name(name), device
        self._config = cfg = read_training(name, options or {})
        self.batch_size = batch_size or cfg.train_dataloader.batch_size
        with scope_of(cfg), explained(f"'{name}' can't take a step"):
            if amp:
                train_in(cfg, amp)
            if device == 'cuda':
                fuse_optimizer(cfg)
            set_random_seed(0)
            self._batch = batch or _made_up_batch(cfg.train_dataloader, self.batch_size)
            self.model = build_model(cfg).to(device)
            self.model.init_weights()
            self._optimizer = build_optim_wrapper(self.model, _wrapper(cfg.optim_wrapper, device))
            self.model.train()
            if compile:
                compile_model(self.model, compile)
            self._hooks = _step_hooks(cfg)
            self.hooks = [type(hook).__name__ for hook in self._hooks]
            self._runner = SimpleNamespace(model=self.model, optim_wrapper=self._optimizer)
            for hook in self._hooks:
                hook.before_train(self._runner)
            self.take(seed=0)

    def parameters(self) -> dict[str, int]:
        """Count all parameters, less a frozen scorer's, and those that are trained."""
        every = sum(value.numel() for value in self.model.parameters())
        return dict(all=every, trained=trained_parameters(self.model))

    def take(self, seed: int) -> float:
        """Take one step: forward, backward, clipping, the optimiser, the teacher.

        Returns:
            Its duration in seconds, with everything that it started on the device.
        """
        batch = copy.deepcopy(self._batch)  # preprocessors of mmdet and mmseg pad in place
        with scope_of(self._config):
            set_random_seed(seed)
            self._wait()
            start = time.perf_counter()
            logs = self.model.train_step(batch, self._optimizer)
            for hook in self._hooks:
                hook.after_train_iter(self._runner, 0, batch, logs)
            self._wait()
            return time.perf_counter() - start

    def _wait(self) -> None:
        """Wait until the device has done its work."""
        if self.device == 'cuda':
            torch.cuda.synchronize()

    def flops(self, seeds: Sequence[int]) -> dict[str, float]:
        """Count the floating-point operations of a step, per image.

        Args:
            seeds: Steps of which the mean is taken.

        Returns:
            ``forward`` and ``step``, see :func:`~mmmask.engine.step_cost.step_operations`.
        """
        with scope_of(self._config):
            counts = step_operations(self.model, self._batch, seeds)
        return {key: value / self.batch_size for key, value in counts.items()}


def time_steps(
    steps: Sequence[Step], count: int, warmup: int = 2, progress: Progress | None = None
) -> list[list[float]]:
    """Measure the durations of every config's steps, interleaved.

    Args:
        steps: One or two configs.
        count: Timed steps of each.
        warmup: Steps of each that aren't timed.
        progress: Counts rounds; a round is a step of each.

    Returns:
        A list of ``count`` seconds for each; those at one index are a pair.
    """
    found: list[list[float]] = [[] for _ in steps]
    for turn in range(-warmup, count):
        order = list(range(len(steps)))
        for index in order if turn % 2 == 0 else order[::-1]:
            seconds = steps[index].take(seed=turn + warmup)
            if turn >= 0:
                found[index].append(seconds)
        if progress is not None:
            progress.advance(1)
    return found


def summary(seconds: Sequence[float], batch_size: int) -> dict[str, float]:
    """Return median, quartiles and speed of steps."""
    low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
    return dict(median=median, quartiles=[low, high], images_per_s=batch_size / median)


def compare(
    first: Sequence[float], second: Sequence[float], resamples: int = 4000
) -> dict[str, dict[str, float]]:
    """Return the ratio of the durations of two configs' steps: first / second.

    Args:
        first: Seconds of the first config's steps.
        second: The second's; those at one index are a pair.
        resamples: Samples of a bootstrap over the pairs.

    Returns:
        ``of_medians``, the ratio of the two medians, and ``of_pairs``, the median of the pairs'
        ratios. What a pair has in common, such as the number of masked tokens, cancels out of the
        latter. Each is a ``ratio`` with its 95 % interval from ``low`` to ``high``.
    """
    pairs = np.stack([first, second])  # (2, n)
    generator = np.random.default_rng(0)
    picks = generator.integers(0, pairs.shape[1], (resamples, pairs.shape[1]))
    samples = np.concatenate([pairs[:, None], pairs[:, picks]], axis=1)  # (2, 1 + resamples, n)
    medians = np.median(samples, axis=2)
    pair_ratios = np.median(samples[0] / samples[1], axis=1)
    found = {}
    for name, ratios in dict(of_medians=medians[0] / medians[1], of_pairs=pair_ratios).items():
        low, high = np.quantile(ratios[1:], (0.025, 0.975))
        found[name] = dict(ratio=float(ratios[0]), low=float(low), high=float(high))
    return found


def peak_memory(*args, **kwargs) -> int | None:
    """Measure the peak memory of a config's step, in bytes, in a process of its own.

    On a GPU this is what torch allocated. On a CPU it is the growth of the process after Python and
    the libraries were loaded; None where the system doesn't tell (not Linux).

    Arguments are those of :class:`Step`.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as process:
        try:
            return process.submit(_measure, *args, **kwargs).result()
        except BrokenProcessPool:
            raise UserError(
                f'The process that measures the memory of {config_name(args[0])} ended early: '
                'is there too little memory? A smaller --batch-size needs less.'
            ) from None


def _measure(*args, **kwargs) -> int | None:
    import mmmask.registration  # noqa: F401  before the memory is looked at

    try:
        Path('/proc/self/clear_refs').write_text('5')  # counts the peak anew
        before = _resident('VmRSS')
    except OSError:
        before = None
    step = Step(*args, **kwargs)
    step.take(seed=1)  # the first made the optimiser's state
    if step.device == 'cuda':
        return torch.cuda.max_memory_allocated()
    return None if before is None else _resident('VmHWM') - before


def _resident(field: str) -> int:
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f'/proc/self/status has no {field}')


def _wrapper(wrapper: ConfigDict, device: str) -> ConfigDict:
    """Drop mixed precision on a CPU: mmengine's needs a GPU."""
    if device != 'cpu' or wrapper.get('type') != 'AmpOptimWrapper':
        return wrapper
    own = ('loss_scale', 'dtype', 'use_fsdp')
    plain = {key: value for key, value in wrapper.items() if key not in own}
    return ConfigDict(plain, type='OptimWrapper')


def _step_hooks(cfg: Config) -> list[Hook]:
    """Build those of a config's hooks that compute something in every step."""
    configs = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    names = [kind.__name__ for kind in STEP_HOOKS]
    return [HOOKS.build(c) for c in configs if c and _class_name(c.get('type')) in names]


def _class_name(kind: object) -> str:
    return str(kind).rpartition('.')[2]


def _made_up_batch(loader: dict, batch_size: int) -> dict:
    """Make a batch of random images of 256 x 256 by a loader's pipeline and collation."""
    dataset = loader.dataset
    while dataset.get('dataset') is not None:  # wrappers that repeat or mix
        dataset = dataset.dataset
    steps = [s for s in dataset.pipeline if not _class_name(s.type).startswith('Load')]
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    generator = np.random.default_rng(0)
    samples = []
    for index in range(batch_size):
        image = generator.integers(0, 256, (256, 256, 3), dtype=np.uint8)
        size = dict(img_shape=image.shape[:2], ori_shape=image.shape[:2])
        drawn = dict(img=image, img_path='', gt_label=0, sample_idx=index, **size)
        samples.append(pipeline(drawn))
    collate = dict(loader.get('collate_fn') or dict(type='pseudo_collate'))
    return FUNCTIONS.get(collate.pop('type'))(samples, **collate)
