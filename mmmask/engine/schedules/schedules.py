"""Schedules as pure functions of the step: ``schedule(step, max_steps, steps_per_epoch) -> float``.

Each has a linear warm-up. A warm-up longer than the run is cut off with the run (the published DINO
and iBOT codes crash there).
"""

import math
from abc import ABC, abstractmethod

from mmpretrain.registry import TASK_UTILS


class Schedule(ABC):
    """Warm up in a straight line from ``warmup_start`` to ``start``, then go to ``end``.

    The sub-class says which way the value goes to ``end``.

    With W warm-up steps, step i < W has ``warmup_start + (start - warmup_start) i / (W - 1)``, both
    ends included, as in DINO.

    Args:
        start: Value when the warm-up is over.
        end: Value that the schedule approaches.
        warmup: Length of the warm-up in epochs.
        warmup_start: Value at step 0, if there is a warm-up.
    """

    def __init__(
        self, start: float, end: float, warmup: float = 0, warmup_start: float = 0.0
    ) -> None:
        if warmup < 0:
            raise ValueError(f'warmup must be 0 epochs or more, got {warmup}.')
        self.start = start
        self.end = end
        self.warmup = warmup
        self.warmup_start = warmup_start

    def __call__(self, step: int, max_steps: int, steps_per_epoch: int = 1) -> float:
        """Return the value at a step.

        Args:
            step: 0, ..., max_steps - 1.
            max_steps: Length of the run in the same unit.
            steps_per_epoch: How many steps an epoch has, to convert the warm-up.
        """
        warmup_steps = int(self.warmup * steps_per_epoch)
        if step < warmup_steps:
            share = step / (warmup_steps - 1) if warmup_steps > 1 else 0.0
            return self.warmup_start + (self.start - self.warmup_start) * share
        return self.after_warmup((step - warmup_steps) / max(max_steps - warmup_steps, 1))

    @abstractmethod
    def after_warmup(self, progress: float) -> float:
        """Return the value when ``progress`` in [0, 1) of the run behind the warm-up is over."""


@TASK_UTILS.register_module()
class CosineSchedule(Schedule):
    """Follow half a cosine from ``start`` to ``end`` (rate, weight decay and momentum of DINO)."""

    def after_warmup(self, progress: float) -> float:
        return self.end + 0.5 * (self.start - self.end) * (1 + math.cos(math.pi * progress))


@TASK_UTILS.register_module()
class LinearSchedule(Schedule):
    """Follow a straight line from ``start`` to ``end``."""

    def after_warmup(self, progress: float) -> float:
        return self.start + (self.end - self.start) * progress


@TASK_UTILS.register_module()
class ConstantSchedule(Schedule):
    """Stay at ``value`` after the warm-up (the teacher's temperature).

    Args:
        value: The value.
        warmup: Length of the warm-up in epochs.
        warmup_start: Value at step 0, if there is a warm-up.
    """

    def __init__(self, value: float, warmup: float = 0, warmup_start: float = 0.0) -> None:
        super().__init__(value, value, warmup, warmup_start)

    def after_warmup(self, progress: float) -> float:
        return self.start


@TASK_UTILS.register_module()
class ProgressSchedule:
    """Return t / T of GPA's Eq. 6, with t counted from 1: the last step (or epoch) has 1.

    A run that ends within an epoch has one more than whole epochs. The value stays at 1 there.
    """

    def __call__(self, step: int, max_steps: int, steps_per_epoch: int = 1) -> float:
        """Return the value at a step, as :meth:`Schedule.__call__`."""
        return min((step + 1) / max_steps, 1.0)
