"""Lets a resumed training follow its present rates, length and batch size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmmask.launch.resume import Resumption
from mmmask.utils.literals import read_assignments


def initial_values(runner: Runner) -> list[dict]:
    """Return what the config gives each group of parameters, before schedulers have changed it."""
    return [
        {
            key: group.get(f'initial_{key}', value)
            for key, value in group.items()
            if key != 'params' and not key.startswith('initial_')
        }
        for group in _param_groups(runner)
    ]


def follow_settings(runner: Runner, resumption: Resumption, groups: Sequence[dict]) -> None:
    """Give a resumed runner its present settings, if they aren't the checkpoint's.

    The optimiser's groups take the config's values. Schedules stand where as many images are seen
    as had been.

    Args:
        runner: It has loaded the checkpoint.
        resumption: The checkpoint.
        groups: See :func:`initial_values`.
    """
    if not _count_images_seen(runner, resumption) and not resumption.changes:
        return
    for group, values in zip(_param_groups(runner), groups):
        for key in [key for key in group if key.startswith('initial_')]:
            del group[key]
        group.update(values)
    if runner.param_schedulers is not None:
        runner.param_schedulers = runner.build_param_scheduler(runner.cfg.param_scheduler)
        _advance(runner)


def flat(schedulers: list | dict) -> list:
    """Return the schedulers of all optimisers."""
    several = isinstance(schedulers, dict)
    return [s for part in schedulers.values() for s in part] if several else list(schedulers)


def _param_groups(runner: Runner) -> list[dict]:
    several = isinstance(runner.optim_wrapper, OptimWrapperDict)
    wrappers = runner.optim_wrapper.values() if several else [runner.optim_wrapper]
    return [group for wrapper in wrappers for group in wrapper.param_groups]


def _count_images_seen(runner: Runner, resumption: Resumption) -> bool:
    """Set the iteration to what has been seen in batches of the present size, if it differs."""
    loop, before = runner.train_loop, runner.train_loop.iter
    if isinstance(loop, EpochBasedTrainLoop):
        loop._iter = loop.epoch * len(loop.dataloader)
    else:
        saved = read_assignments(resumption.meta.get('cfg', ''))
        batch = saved.get('train_dataloader', {}).get('batch_size')
        now = loop.dataloader.batch_size  # None for batches of their own sampler
        if isinstance(batch, int) and resumption.processes and now:
            images = before * batch * resumption.processes
            loop._iter = round(images / (now * runner.world_size))
    if loop.iter == before:
        return False
    runner.logger.warning(
        f'The images of {before} iterations are seen, which are {loop.iter} of the present ones: '
        f'training goes on from iteration {loop.iter} of {loop.max_iters}.'
    )
    return True


def _advance(runner: Runner) -> None:
    """Let new schedulers take the steps of the iterations and epochs that are over."""
    loop = runner.train_loop
    by_epochs = isinstance(loop, EpochBasedTrainLoop)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of steps before the optimiser's
        for done in range(1, loop.iter + 1):
            ends_epoch = by_epochs and done % len(loop.dataloader) == 0
            for scheduler in flat(runner.param_schedulers):
                waits = getattr(scheduler, 'need_val_args', False)  # for the metrics
                if not scheduler.by_epoch or (ends_epoch and not waits):
                    scheduler.step()
