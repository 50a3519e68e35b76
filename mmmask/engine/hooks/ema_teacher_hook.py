"""Moves the EMA teacher."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmmask.utils.unwrap import unwrap


@HOOKS.register_module()
class EMATeacherHook(Hook):
    """Updates ``model.teacher`` from the student after every optimiser step.

    With gradient accumulation the teacher waits for the step, too. The momentum is
    ``model.teacher.momentum``, set by :class:`ScheduleHook`.
    """

    priority = 'NORMAL'

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        if runner.optim_wrapper.should_update():
            model = unwrap(runner.model)
            model.teacher.update(model)
