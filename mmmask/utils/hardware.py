"""Describe the hardware that a run uses."""

from __future__ import annotations

import platform
import socket
from collections.abc import Sequence
from pathlib import Path

import torch

from mmmask.utils.cores import available_cores
from mmmask.utils.nvml import NVML

GIB = 1 << 30


def describe_place() -> dict[str, str | float | None]:
    """Return where this process runs: ``host``, and the ``gpu`` of it, None without GPUs.

    A GPU has its ``uuid``, as NVML writes it, and ``gpu_memory_gib``, too.
    """
    place = dict(host=socket.gethostname(), gpu=None, uuid=None, gpu_memory_gib=None)
    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(torch.cuda.current_device())
        memory = round(found.total_memory / GIB, 1)
        place.update(gpu=found.name, uuid=f'GPU-{found.uuid}', gpu_memory_gib=memory)
    return place


def describe_hardware(
    places: Sequence[dict], nvml: NVML | None, proc: Path = Path('/proc')
) -> dict[str, str | int | float]:
    """Return the hardware of a run's processes; what isn't known is left out.

    Args:
        places: As of :func:`describe_place`, one for each process. This process is the first.
        nvml: Tells the driver's version.
        proc: Where Linux describes the machine.

    Returns:
        ``cpu`` (model), ``cores`` (of this machine, for this process), ``memory_gib``,
        ``processes``, ``nodes``; with GPUs ``gpu`` (model), ``gpus`` (number), ``gpu_memory_gib``
        and ``driver``.
    """
    gpus = {place['uuid']: place for place in places if place['uuid']}
    models = sorted({place['gpu'] for place in gpus.values()})
    found = dict(
        gpu=' + '.join(models) or None,
        gpus=len(gpus) or None,
        gpu_memory_gib=min((place['gpu_memory_gib'] for place in gpus.values()), default=None),
        driver=nvml.driver if nvml and gpus else None,
        cpu=_cpu(proc / 'cpuinfo'),
        cores=available_cores(),
        memory_gib=_memory(proc / 'meminfo'),
        processes=len(places),
        nodes=len({place['host'] for place in places}),
    )
    return {name: value for name, value in found.items() if value is not None}


def _cpu(path: Path) -> str | None:
    """Return the model of the first processor; ARM's list has none, but the system may know it."""
    return _value(path, 'model name') or platform.processor() or platform.machine() or None


def _memory(path: Path) -> float | None:
    text = _value(path, 'MemTotal')
    return round(int(text.removesuffix('kB')) * 1024 / GIB, 1) if text else None


def _value(path: Path, key: str) -> str | None:
    """Return the value of the first line ``key: value``."""
    try:
        lines = path.read_text(errors='replace').splitlines()
    except OSError:
        return None
    pairs = (line.partition(':') for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), None)
