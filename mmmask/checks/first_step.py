"""Try a run's own data sets, model and metrics before its first iteration."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO

import torch
from mmengine.dataset import BaseDataset, InfiniteSampler
from mmengine.dist import is_distributed, is_main_process
from mmengine.model import BaseModel
from mmengine.runner import (
    BaseLoop,
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Runner,
    TestLoop,
    ValLoop,
)
from torch import nn
from torch.utils.data import DataLoader

from mmmask.checks.coco import reading_along
from mmmask.checks.data import check_built
from mmmask.checks.uses import built_data_sets
from mmmask.config.build import scope_of
from mmmask.engine.hooks.rng_state import capture_rng_state, restore_rng_state
from mmmask.utils.errors import DivergedError, UserError, one_line
from mmmask.utils.modes import evaluating
from mmmask.utils.picks import pick_evenly
from mmmask.utils.unwrap import unwrap

SAMPLES = 8
"""Samples of each data set that are read, evenly spaced."""

_TRIED = (EpochBasedTrainLoop, IterBasedTrainLoop, ValLoop, TestLoop)
# Other errors may come from what only a hook sets: the run itself tells of them.
_OF_SHAPES = (RuntimeError, ValueError, IndexError, TypeError, AssertionError)
_OF_METRICS = (LookupError, ValueError, TypeError, AssertionError, AttributeError)


def check_first_step(runner: Runner, modes: Sequence[str]) -> None:
    """Read a spread of samples and pass one batch through the model, in each mode.

    The loops are the runner's own. The batch goes through a copy of the model, and random
    generators are restored, so the run's numbers are the same without this check.

    Args:
        runner: Its weights are initialised.
        modes: Those of ``train``, ``val`` and ``test`` that will run.

    Raises:
        UserError: The data sets give something else than their files hold, or a sample can't be
            read. An epoch has no batch, or the model can't take one. Metrics can't take its output.
    """
    with reading_along():
        loops = {mode: getattr(runner, f'{mode}_loop') for mode in modes}
    if is_main_process():
        check_built(runner.cfg, built_data_sets(runner, modes))
    for mode, loop in loops.items():
        loader = getattr(loop, 'dataloader', None)
        if isinstance(loader, DataLoader) and isinstance(loader.dataset, BaseDataset):
            _check_batches(mode, loop, loader)
            if not is_distributed():  # losses may wait for other processes
                state = capture_rng_state()
                try:
                    _try(mode, loop, loader, unwrap(runner.model))
                finally:
                    restore_rng_state(state)


def _check_batches(mode: str, loop: BaseLoop, loader: DataLoader) -> None:
    """Refuse a training whose epochs have no batch."""
    endless = isinstance(loader.sampler, InfiniteSampler)
    if mode == 'train' and isinstance(loop, _TRIED) and not endless and len(loader) == 0:
        raise UserError(
            f'an epoch of train has no batch: {len(loader.dataset)} images are fewer than '
            'train_dataloader.batch_size in each process, and drop_last leaves an incomplete batch '
            'out: set a smaller batch_size'
        )


def _try(mode: str, loop: BaseLoop, loader: DataLoader, model: nn.Module) -> None:
    """Read samples as the run will, and give the model two of them, or a whole batch."""
    dataset = loader.dataset
    samples = []
    for index in pick_evenly(range(len(dataset)), SAMPLES):
        try:
            samples.append(dataset[index])
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f'sample {index} of {mode} cannot be read: {one_line(error)}'
            ) from error
    known = getattr(type(loop), 'run_iter', None) in [kind.run_iter for kind in _TRIED]
    step = 'train_step' if mode == 'train' else f'{mode}_step'
    if not known or not samples or getattr(type(model), step) is not getattr(BaseModel, step):
        return
    size = loader.batch_size or 1
    try:
        model = copy.deepcopy(model)  # a model may count its calls
    except Exception:
        return
    try:
        batch = loader.collate_fn(samples[: min(size, 2)])
        outputs, error = _attempt(mode, model, batch)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # of what only a hook sets: the run itself tells
        return
    if error is not None:  # some models need the batch size of the config
        batch = loader.collate_fn([dataset[index % len(dataset)] for index in range(size)])
        outputs, error = _attempt(mode, model, batch)
    if isinstance(error, UserError):
        raise error
    if error is not None:
        raise UserError(
            f'the model cannot take a batch of {mode}: {one_line(error)} '
            f'({type(error).__name__}; --debug shows where)'
        ) from error
    if mode == 'val' and outputs is not None:
        _try_metrics(loop, outputs, batch)


def _try_metrics(loop: BaseLoop, predictions: list, batch: dict) -> None:
    """Evaluate the predictions for a few samples, which needs the annotations of all."""
    metrics = loop.evaluator.metrics
    try:
        with scope_of(loop.runner.cfg, 'CRITICAL'), redirect_stdout(StringIO()):
            loop.evaluator.process(predictions, batch)
            for metric in metrics:
                metric.evaluate(len(loop.dataloader.dataset))
    except _OF_METRICS as error:
        raise UserError(
            f'the metrics cannot evaluate the data of val: {one_line(error)} '
            f'({type(error).__name__}; --debug shows where)'
        ) from error
    finally:
        for metric in metrics:
            metric.results.clear()


def _attempt(mode: str, model: BaseModel, batch: dict) -> tuple[list | None, Exception | None]:
    """Return the outputs for a batch and None, or None and the error of a batch that doesn't fit.

    A model that has diverged gives neither.
    """
    try:
        return _forward(mode, model, batch), None
    except torch.OutOfMemoryError:
        raise
    except DivergedError:
        return None, None
    except _OF_SHAPES as error:
        return None, error


def _forward(mode: str, model: BaseModel, batch: dict) -> list:
    """Return the predictions for a batch, or of a training the losses."""
    if mode == 'train':
        data = model.data_preprocessor(batch, True)
        return list(model.parse_losses(model._run_forward(data, mode='loss')))
    with evaluating(model), torch.no_grad():
        return getattr(model, f'{mode}_step')(batch)
