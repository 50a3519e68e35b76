"""Measure the energy that GPUs and CPUs use, by the counters that the machine has.

Nothing is estimated: a machine without readable counters has no energy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmmask.utils.nvml import NVML

POWERCAP = Path('/sys/class/powercap')
"""Where Linux shows the counters of CPUs (RAPL, Intel's and AMD's)."""

SECONDS = 30.0
"""Time between two readings. A CPU's counter starts anew after minutes of full load."""


@dataclass(frozen=True)
class Counter:
    """A counter of energy that only grows, but for starting anew.

    Attributes:
        kind: ``'gpu'`` or ``'cpu'``.
        read: Returns joules; None if the counter can't be read.
        range: Joules at which it starts anew at 0; None: it doesn't.
    """

    kind: str
    read: Callable[[], float | None]
    range: float | None = None


def gpu_counters(nvml: NVML | None, uuids: Iterable[str]) -> list[Counter]:
    """Return the counters of GPUs, by NVML's names for them; none without NVML."""
    if nvml is None:
        return []
    return [Counter('gpu', lambda uuid=uuid: nvml.joules(uuid)) for uuid in uuids]


def cpu_counters(powercap: Path = POWERCAP) -> list[Counter]:
    """Return the counters of all CPU packages. Many machines let only root read them."""
    counters = []
    for zone in sorted(powercap.glob('intel-rapl:*')):
        if (_text(zone / 'name') or '').startswith('package'):
            range = _joules(zone / 'max_energy_range_uj')
            read = lambda zone=zone: _joules(zone / 'energy_uj')  # noqa: E731
            counters.append(Counter('cpu', read, range))
    return counters


class EnergyMeter:
    """Adds up what counters count, from its making on.

    A thread reads them now and then, as some start anew. Counters are those of whole devices:
    whatever else ran there is counted, too.

    Args:
        counters: A kind of which one can't be read has no energy.
        seconds: Time between two readings.
    """

    def __init__(self, counters: Sequence[Counter], seconds: float = SECONDS) -> None:
        self._counters = counters
        self._lock = threading.Lock()
        self._last = [counter.read() for counter in counters]
        self._used: list[float | None] = [None if last is None else 0.0 for last in self._last]
        self._stop = threading.Event()
        if any(used is not None for used in self._used):
            threading.Thread(target=self._watch, args=(seconds,), daemon=True).start()

    def joules(self) -> dict[str, float]:
        """Return the joules of each kind until now, ``gpu`` and ``cpu``."""
        self._add()
        totals: dict[str, float | None] = {}
        for counter, used in zip(self._counters, self._used):
            before = totals.get(counter.kind, 0.0)
            totals[counter.kind] = None if None in (before, used) else before + used
        return {kind: total for kind, total in totals.items() if total is not None}

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _watch(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            self._add()

    def _add(self) -> None:
        with self._lock:
            for index, counter in enumerate(self._counters):
                if self._used[index] is None:
                    continue
                now = counter.read()
                if now is None or (now < self._last[index] and counter.range is None):
                    self._used[index] = None
                    continue
                anew = counter.range if now < self._last[index] else 0.0
                self._used[index] += now - self._last[index] + anew
                self._last[index] = now


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _joules(path: Path) -> float | None:
    """Read microjoules."""
    text = _text(path)
    return int(text) / 1e6 if text and text.isdecimal() else None
