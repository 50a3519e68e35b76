"""Ends a training that has diverged, before its last good checkpoint is lost."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.dist import all_gather_object, all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpretrain.registry import HOOKS

from mmmask.utils.errors import JointError


@HOOKS.register_module()
class StopOnInvalidLossHook(Hook):
    """Stops the run when a term of the loss is NaN or infinite.

    It runs right behind mmengine's ``RuntimeInfoHook``, which has already fetched the iteration's
    values from the device. So it costs no synchronisation of its own. It runs before the teacher
    moves, anything is logged or a checkpoint is saved. Several processes agree on one flag per
    iteration, so that one of them can't leave the others waiting.

    The launcher gives it to every training; ``default_hooks.invalid_loss=None`` drops it.

    Raises:
        JointError: In every process; it names the iteration, the terms and the last checkpoint.
    """

    priority = 'HIGH'

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs: Mapping | None = None
    ) -> None:
        # mmengine's rule: what has 'loss' in its name is a term of the sum (which is 'loss').
        terms = {k: _value(runner, k, v) for k, v in (outputs or {}).items() if 'loss' in k}
        invalid = not all(map(math.isfinite, terms.values()))
        if _on_any_process(invalid):
            where = _first_process(terms if invalid else None)
            raise JointError(
                f'the loss is not finite{where}; {describe_stop(runner, runner.iter + 1)}'
            )


def check_finite_weights(runner: Runner, iteration: int) -> None:
    """Check that the weights that are about to be saved are finite; every process calls it.

    The step that breaks a network has a finite loss itself. A checkpoint right behind it would be
    broken, and the good one before it may be deleted.

    Args:
        runner: The runner.
        iteration: The iteration that has ended, counted from 1.

    Raises:
        JointError: If they aren't.
    """
    values = [*runner.model.parameters(), *runner.model.buffers()]
    values = [value.detach() for value in values if value.is_floating_point() and value.numel()]
    finite = not values or torch.stack([value.isfinite().all() for value in values]).all().item()
    if _on_any_process(not finite):
        reason = 'the weights are not finite and have not been saved'
        raise JointError(f'{reason}; {describe_stop(runner, iteration)}')


def describe_stop(runner: Runner, iteration: int) -> str:
    """Return the end of an error line: when the run stopped, and what to do."""
    when = f'iteration {iteration}'
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        when += f' (epoch {runner.epoch + 1})'
    checkpoint = _last_checkpoint(runner)
    if checkpoint is None:
        return f'stopped in {when}; last checkpoint: none yet (try a lower learning rate)'
    return (
        f'stopped in {when}; last checkpoint: {checkpoint} '
        '(go on from it with --resume and a lower learning rate)'
    )


def _last_checkpoint(runner: Runner) -> str | None:
    """Return the newest checkpoint of this run, whose folder may have been moved."""
    path = runner.message_hub.runtime_info.get('last_ckpt')
    if path is None:
        return None
    moved = Path(runner.work_dir, Path(path).name)
    return str(moved) if not Path(path).exists() and moved.exists() else str(path)


def _value(runner: Runner, name: str, value: torch.Tensor | float) -> float:
    """Return a term as ``RuntimeInfoHook`` fetched it; without that hook, from the device."""
    fetched = runner.message_hub.log_scalars.get(f'train/{name}')
    return float(value if fetched is None else fetched.current())


def _on_any_process(flag: bool) -> bool:
    if get_world_size() == 1:
        return flag
    flags = torch.tensor(float(flag))
    all_reduce(flags, op='max')
    return bool(flags.item())


def _first_process(terms: dict[str, float] | None) -> str:
    """Return the terms of the first process that has some. Every process calls it."""
    found = all_gather_object(terms)
    rank = next(rank for rank, terms in enumerate(found) if terms is not None)
    text = ', '.join(f'{name} {value:.4g}' for name, value in found[rank].items())
    return f' ({text})' if len(found) == 1 else f' on process {rank} ({text})'
