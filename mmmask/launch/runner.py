"""Extends mmengine's runner: a short console, and the weights checked first."""

from __future__ import annotations

import logging

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import RUNNERS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmmask.launch.follow import flat, follow_settings, initial_values
from mmmask.launch.resume import Resumption
from mmmask.models.running_statistics import batch_norms
from mmmask.transfer.initialiser import strict_loading
from mmmask.utils.errors import UserError

_NOT_ABOUT_THE_RUN = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'Distributed training is not used',
    'Exp name: ',
    'The prefix is not set in metric class',
    'paramwise_options -- ',
)
"""Beginnings of what mmengine says of itself, or of every single parameter: for the log only."""


class LaunchRunner(Runner):
    """A runner whose weights can be initialised before ``train``, which reads the data first.

    The console shows what the run is about. The log file has everything: also the environment, the
    whole config and the list of hooks, and mmengine's messages about itself.
    """

    _weights_initialised = False
    resumption: Resumption | None = None

    def __init__(self, *args, **kwargs) -> None:
        self._console = _Console()
        super().__init__(*args, **kwargs)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.addFilter(self._console)
            elif isinstance(handler, logging.FileHandler):
                logger.info(f'The log has more than the console: {handler.baseFilename}')
        return logger

    def _init_model_weights(self) -> None:
        if not self._weights_initialised:
            with strict_loading(self.model):
                super()._init_model_weights()
            self._weights_initialised = True

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        if get_device() == 'cpu':
            model = revert_sync_batchnorm(model)  # SyncBN has no CPU kernel
            if self.distributed and batch_norms(model):
                self.logger.info(
                    'Statistics of batch normalisation do not cross CPU ranks: PyTorch has no '
                    "SyncBatchNorm for CPUs. Each rank normalises by its own; rank 0's are saved."
                )
        return super().wrap_model(model_wrapper_cfg, model)

    def scale_lr(self, optim_wrapper: OptimWrapper, auto_scale_lr: dict | None = None) -> None:
        """Scale learning rates with the images of one step of the optimiser.

        mmengine's counts a single iteration's, also where gradients of several are added up
        (``accumulative_counts``), and leaves out ``base_lr``, the rate that is logged.

        Args:
            optim_wrapper: Built; schedulers are not, yet.
            auto_scale_lr: ``enable``, and ``base_batch_size`` that the config's rates are for.
        """
        if not (auto_scale_lr or {}).get('enable', False):
            return
        base = auto_scale_lr['base_batch_size']
        loader = self._train_dataloader
        images = loader['batch_size'] if isinstance(loader, dict) else loader.batch_size
        several = isinstance(optim_wrapper, OptimWrapperDict)
        for wrapper in optim_wrapper.values() if several else [optim_wrapper]:
            batch = images * self.world_size * wrapper._accumulative_counts
            self.logger.info(
                f'Learning rates are for batches of {base}; here they are of {batch} ({images} '
                f'images x {self.world_size} processes x {wrapper._accumulative_counts} '
                f'accumulated iterations): scaled by {batch / base:g}.'
            )
            for group in wrapper.param_groups:
                group['lr'] *= batch / base

    def build_param_scheduler(self, scheduler: dict | list) -> list | dict:
        """Build the schedulers.

        Raises:
            UserError: If one counts epochs, and so never moves, where training counts iterations.
        """
        built = super().build_param_scheduler(scheduler)
        if not isinstance(self._train_loop, EpochBasedTrainLoop):
            for one in flat(built):
                if one.by_epoch:
                    raise UserError(
                        f'param_scheduler has a {type(one).__name__} that counts epochs, but '
                        'training counts iterations: set by_epoch=False, or '
                        'convert_to_iter_based=True.'
                    )
        return built

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str = 'default',
    ) -> None:
        """Go on from a checkpoint, under the present rates, lengths and batch size."""
        groups = initial_values(self)
        scheduled = resume_param_scheduler and self.param_schedulers is not None
        super().resume(filename, resume_optimizer, scheduled, map_location)
        if self.resumption is not None:
            follow_settings(self, self.resumption, groups)

    def call_hook(self, fn_name: str, **kwargs) -> None:
        if fn_name in ('before_train', 'before_val', 'before_test'):
            self._console.started = True
        super().call_hook(fn_name, **kwargs)


class _Console(logging.Filter):
    """Keeps the dumps of the set-up and mmengine's messages about itself off the console."""

    started = False

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        lines = [line for line in text.splitlines() if line.strip(' -')]
        is_dump = len(lines) > 3 and record.levelno <= logging.INFO and not self.started
        return not is_dump and not text.startswith(_NOT_ABOUT_THE_RUN)


def build_runner(cfg: Config) -> Runner:
    """Build the config's own runner if it names one (``runner_type``), else `LaunchRunner`."""
    return RUNNERS.build(cfg) if 'runner_type' in cfg else LaunchRunner.from_cfg(cfg)


class MetricRecorder(Hook):
    """Keeps the metrics of the last validation or test, and notes that iterations have begun."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.metrics: dict | None = None
        self.started = False

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        self.started = True

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        self.started = True

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        self.started = True

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        self.metrics = metrics

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        self.metrics = metrics
