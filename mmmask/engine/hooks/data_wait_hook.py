"""Measures how long a training waits for its data."""

from __future__ import annotations

import time

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmmask.utils.cores import available_cores

ITERATIONS, SECONDS = 100, 60.0
"""The warning comes after so many iterations and seconds: a short training gains little."""


@HOOKS.register_module()
class DataWaitHook(Hook):
    """Measures the share of a training's time that passes while it waits for data.

    The time is that of this process' own iterations but the first, which starts the workers. Each
    is the wait for the batch and the step, to the update of the teacher. Validation, k-NN, logging
    and checkpoints are not counted. Copying to the device is part of the step. A checkpoint has the
    count of process 0, so a resumed training adds up.

    The log states the share at the end. Above ``warn_above`` a warning says so once, after 100
    iterations and a minute.

    The launcher gives the hook to every training; ``default_hooks.data_wait=None`` drops it.

    Args:
        warn_above: The share above which the warning comes.

    Attributes:
        waited: Seconds of waiting for data.
        stepped: Seconds of steps.
    """

    priority = 55  # behind the step's hooks, before the log, k-NN and checkpoints

    def __init__(self, warn_above: float = 0.2) -> None:
        self.warn_above = warn_above
        self.waited = self.stepped = 0.0
        self.iterations = 0
        self._warned = False
        self._ready: float | None = None  # when the loop began to ask for the next batch
        self._begun = 0.0

    @property
    def share(self) -> float | None:
        """The share of the time that was waiting, 0 to 1; None before the second iteration."""
        return self.waited / (self.waited + self.stepped) if self.iterations else None

    def before_train(self, runner: Runner) -> None:
        runner.register_hook(_ReadyForData(self))

    def ready(self) -> None:
        """Note that other hooks or a validation have ended: the loop asks for a batch."""
        self._ready = time.perf_counter()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        self._begun = time.perf_counter()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        if self._ready is None:  # of the first iteration
            return
        self.waited += self._begun - self._ready
        self.stepped += time.perf_counter() - self._begun
        self.iterations += 1
        long = self.iterations >= ITERATIONS and self.waited + self.stepped >= SECONDS
        if long and not self._warned and self.share > self.warn_above:
            self._warned = True
            runner.logger.warning(self._advice(runner))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['data_wait'] = [self.waited, self.stepped, self.iterations]

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if runner._resume:  # an earlier version's checkpoint has none
            counts = checkpoint.get('data_wait', [0.0, 0.0, 0])
            self.waited, self.stepped, self.iterations = counts

    def after_train(self, runner: Runner) -> None:
        if self.share is not None:
            runner.logger.info(
                f'{self.share:.0%} of the time of {self.iterations:,} iterations was waiting for '
                f'data ({self.waited:.1f} of {self.waited + self.stepped:.1f} s; without '
                'validation and checkpoints)'
            )

    def _advice(self, runner: Runner) -> str:
        workers = getattr(runner.train_dataloader, 'num_workers', 0)
        cores = available_cores()
        needed = (workers or 1) * get_world_size()
        if needed < cores:
            what = 'Set a higher train_dataloader.num_workers.'
        else:
            what = 'All cores are used: cheaper transforms, smaller files or more cores help.'
        return (
            f'The training waits for data in {self.share:.0%} of its time, with '
            f'train_dataloader.num_workers={workers} and {cores} cores. {what} '
            '`mmmask time-loader CONFIG` measures images/s by number of workers, and where the '
            'time of an image goes.'
        )


class _ReadyForData(Hook):
    """Notes when all other hooks have ended."""

    priority = 'LOWEST'

    def __init__(self, owner: DataWaitHook) -> None:
        self._owner = owner

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        self._owner.ready()

    def before_train_epoch(self, runner: Runner) -> None:
        if self._owner._ready is not None:
            self._owner.ready()

    def after_val(self, runner: Runner) -> None:
        if self._owner._ready is not None:
            self._owner.ready()
