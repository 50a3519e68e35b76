"""Measures what a run takes: time, energy, and on which hardware."""

from __future__ import annotations

import time

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmmask.utils.energy import EnergyMeter, cpu_counters, gpu_counters
from mmmask.utils.hardware import describe_hardware, describe_place
from mmmask.utils.nvml import open_nvml


class Usage(Hook):
    """Measures a run's time and energy, and finds its hardware.

    A checkpoint has what was used until then, so a resumed training adds up. What an interrupted
    one did after its last checkpoint isn't part of the run.

    The clock starts with the object, the energy with the runner. The energy is that of the GPUs
    that the run uses and of all CPU packages of the machine, whatever else ran on them. A run on
    several machines has none, as only one of them is read.

    Attributes:
        hardware: See :func:`~mmmask.utils.hardware.describe_hardware`.
        before: Seconds of the attempts before this one, to their last checkpoint.
    """

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.hardware: dict = {}
        self.before = 0.0
        self._clock = time.monotonic()
        self._meter: EnergyMeter | None = None
        self._joules_before: dict[str, float] | None = None

    @property
    def seconds(self) -> float:
        """Return the seconds of all attempts."""
        return self.before + time.monotonic() - self._clock

    @property
    def joules(self) -> dict[str, float]:
        """Return the joules of all attempts: ``gpu`` and ``cpu``, those that can be read."""
        found = self._meter.joules() if self._meter else {}
        if self._joules_before is None:
            return found
        return {k: found[k] + self._joules_before[k] for k in found if k in self._joules_before}

    def before_run(self, runner: Runner) -> None:
        places = all_gather_object(describe_place())
        if not is_main_process():
            return
        nvml = open_nvml()
        self.hardware = describe_hardware(places, nvml)
        if self.hardware['nodes'] == 1:
            uuids = dict.fromkeys(place['uuid'] for place in places if place['uuid'])
            self._meter = EnergyMeter([*gpu_counters(nvml, uuids), *cpu_counters()])

    def after_run(self, runner: Runner) -> None:
        if self._meter:
            self._meter.stop()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['usage'] = dict(seconds=self.seconds, joules=self.joules)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        usage = checkpoint.get('usage', dict(seconds=0.0, joules={}))  # of an earlier version
        self.before, self._joules_before = usage['seconds'], usage['joules']
