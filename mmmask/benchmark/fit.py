"""Fits a suite's trainings to fewer or more processes than their protocols state."""

from __future__ import annotations

import math
from dataclasses import replace
from enum import Enum
from fractions import Fraction
from typing import Any

from mmmask.utils.errors import UserError

from .identity import resolve_config
from .suite import Suite, Task


class Fit(Enum):
    """Names what keeps a training comparable on another number of processes.

    Attributes:
        BATCH: Each process takes more images, so that a batch of all processes is as large as
            stated. Nothing else changes but the memory of a process.
        ACCUMULATE: The optimiser waits for more iterations, so that a step has as many images as
            stated. What looks across a batch (batch norm, contrastive losses) sees fewer.
        RATES: Learning rates are scaled by the images of a step.
    """

    BATCH = 'batch'
    ACCUMULATE = 'accumulate'
    RATES = 'rates'


def fit_suite(suite: Suite, gpus: int | None = None, fit: Fit | None = None) -> Suite:
    """Return the suite with at most ``gpus`` processes for each task.

    A training's rates are for ``auto_scale_lr.base_batch_size`` images in a step, or, if its config
    has none, for the batches of as many processes as its protocol states. A test only takes longer.

    Args:
        suite: What its protocols state.
        gpus: Processes; None: as stated.
        fit: What happens to trainings whose steps have another number of images.

    Raises:
        UserError: If there is such a training and ``fit`` is None, or doesn't suit it.
    """
    limit = gpus or math.inf
    protocols = {}
    for name, stated in suite.protocols.items():
        fewer = min(stated.gpus, limit)
        nodes = math.ceil(fewer / (stated.gpus // stated.nodes))
        protocols[name] = protocol = replace(stated, gpus=fewer, nodes=nodes)
        if protocol.gpus % protocol.nodes:
            raise UserError(f"{name}: {fewer} processes don't divide into {nodes} nodes")
    tasks = []
    for task in suite.tasks:
        fitted = replace(task, protocol=protocols[task.protocol.name])
        if task.protocol.run == 'train':
            config = resolve_config(task, suite.root)
            options = _options(fitted, config, task.protocol.gpus, fit)
            fitted = replace(fitted, options={**task.options, **options})
        tasks.append(fitted)
    return replace(suite, protocols=protocols, tasks=tuple(tasks))


def _options(task: Task, config: dict, stated: int, fit: Fit | None) -> dict[str, Any]:
    """Return the options that keep a training's steps, or its rates, as they are meant."""
    batch = (config.get('train_dataloader') or {}).get('batch_size')
    scaling = config.get('auto_scale_lr') or {}
    if batch is None or scaling.get('enable'):
        return {}
    accumulated = (config.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    images = batch * task.protocol.gpus * accumulated
    meant = scaling.get('base_batch_size') or batch * stated * accumulated
    if images == meant:
        return {}
    if fit is None:
        raise UserError(
            f'{task.name}: a step has {images} images ({task.protocol.gpus} process(es) x {batch} '
            f'x {accumulated} iteration(s)), its rates are for {meant}: add --fit batch (other '
            'batches of each process), --fit accumulate (more iterations a step) or --fit rates '
            '(learning rates follow)'
        )
    if fit is Fit.BATCH:
        return {'train_dataloader.batch_size': _whole(task, fit, Fraction(batch * meant, images))}
    if (config.get('train_cfg') or {}).get('max_epochs') is None:
        raise UserError(
            f'{task.name}: --fit {fit.value} does not suit a training that counts iterations, as '
            'it would see another number of images: use --fit batch'
        )
    if fit is Fit.ACCUMULATE:
        more = _whole(task, fit, Fraction(accumulated * meant, images))
        return {'optim_wrapper.accumulative_counts': more}
    return {'auto_scale_lr.enable': True, 'auto_scale_lr.base_batch_size': meant}


def _whole(task: Task, fit: Fit, number: Fraction) -> int:
    if number.denominator > 1 or number < 1:
        raise UserError(f'{task.name}: --fit {fit.value} gives {float(number):g}, no whole number')
    return int(number)
