"""The one hook that moves values during training."""

from typing import NamedTuple

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS, TASK_UTILS

from mmmask.engine.epochs import steps_per_epoch
from mmmask.engine.schedules.schedules import Schedule
from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.unwrap import unwrap


class _Item(NamedTuple):
    path: str
    schedule: Schedule
    by: str
    end: float | None


@HOOKS.register_module()
class ScheduleHook(Hook):
    """Assign schedules to dotted paths before each iteration (or epoch).

    ``model.a.b`` is an attribute of the (unwrapped) model and gets the schedule's value.
    ``optimizer.lr`` and ``optimizer.weight_decay`` belong to every parameter group. A group gets
    the schedule's value *times the group's initial value*: per-group rates and scaled learning
    rates survive, and a group without weight decay stays without.

    ``end`` states the last value of an optimiser's path itself, e.g. a learning rate of 1e-6::

        lr=dict(path='optimizer.lr', end=1e-6, schedule=dict(type='CosineSchedule', start=1.0))

    It becomes the schedule's ``end`` divided by the optimiser's own value, which is the config's
    ``optim_wrapper.optimizer.lr``. So a group whose rate is lower by layer decay ends lower by the
    same factor, and so does every group when ``--auto-scale-lr`` scales the rate.

    Args:
        schedules: A dict for each name. Its keys are ``path``, ``schedule`` (a schedule's config),
            ``end`` as above, and ``by``. With ``by='epoch'`` a value is constant within an epoch,
            as DINO's teacher temperature; the default is ``'iter'``. A child config overrides a
            schedule by its name, or drops it with None.

    Raises:
        UserError: When training starts, if a path doesn't exist, or the rate has another schedule.
    """

    priority = 'HIGHEST'  # before the values are logged

    def __init__(self, schedules: dict[str, dict | None]) -> None:
        self.items = []
        for name, item in schedules.items():
            if item is None:
                continue
            if not {'path', 'schedule'} <= set(item) <= {'path', 'schedule', 'by', 'end'}:
                keys = ', '.join(item)
                raise UserError(f"Schedule '{name}' takes path, schedule, by and end, got {keys}.")
            path, schedule, by = item['path'], dict(item['schedule']), item.get('by', 'iter')
            check_choice(f"Schedule '{name}': by", by, ('iter', 'epoch'))
            if (end := item.get('end')) is not None:
                if not path.startswith('optimizer.') or 'end' in schedule:
                    raise UserError(
                        f"Schedule '{name}': end={end:g} is the last value of optimizer.lr or "
                        'optimizer.weight_decay and replaces schedule.end: set one of the two to '
                        'None or leave it out.'
                    )
                schedule['end'] = end  # in units of the initial value from before_train on
            self.items.append(_Item(path, TASK_UTILS.build(schedule), by, end))

    def before_train(self, runner: Runner) -> None:
        paths = [item.path for item in self.items]
        if runner.param_schedulers and 'optimizer.lr' in paths:
            raise UserError(
                'The rate has two schedules, ScheduleHook and param_scheduler, and the hook would '
                'win: set param_scheduler=None, or drop the schedule of optimizer.lr.'
            )
        for item in self.items:
            owner, name = self._resolve(runner, item.path)
            if item.end is not None:
                item.schedule.end = item.end / owner.defaults[name]
        for group in runner.optim_wrapper.param_groups:
            group.setdefault('initial_lr', group['lr'])
            group.setdefault('initial_weight_decay', group['weight_decay'])

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        length = steps_per_epoch(runner)
        for path, schedule, by, _ in self.items:
            if by == 'iter':
                value = schedule(runner.iter, runner.max_iters, length)
            else:
                epochs = max(runner.max_iters // length, 1)
                value = schedule(runner.iter // length, epochs, 1)
            self._assign(runner, path, value)

    def _assign(self, runner: Runner, path: str, value: float) -> None:
        owner, name = self._resolve(runner, path)
        if owner is runner.optim_wrapper:
            for group in owner.param_groups:
                group[name] = group[f'initial_{name}'] * value
        else:
            setattr(owner, name, value)
            runner.message_hub.update_scalar(f'train/{name}', value)

    @staticmethod
    def _resolve(runner: Runner, path: str) -> tuple[object, str]:
        """Find the object that holds a path's value, and the name of the value."""
        root, *parents = path.split('.')
        name = parents.pop() if parents else ''
        if root == 'optimizer' and not parents and name in ('lr', 'weight_decay'):
            return runner.optim_wrapper, name
        owner = unwrap(runner.model)
        for parent in parents:
            owner = getattr(owner, parent, None)
        if root != 'model' or not hasattr(owner, name):
            raise UserError(
                f"ScheduleHook found no '{path}': a path is optimizer.lr, optimizer.weight_decay "
                'or model.<part>.<attribute>.'
            )
        return owner, name
