"""Ask NVIDIA's management library (NVML) about GPUs, where there is one."""

from __future__ import annotations

import ctypes
from typing import Any

_TEXT = 96
"""Bytes for a version; NVML's own limit is 80."""


class NVML:
    """Asks the library. Whatever it can't tell is None.

    Args:
        library: The loaded ``libnvidia-ml``, initialised.
    """

    def __init__(self, library: Any) -> None:
        self._library = library

    @property
    def driver(self) -> str | None:
        """Return the driver's version."""
        text = ctypes.create_string_buffer(_TEXT)
        failed = self._library.nvmlSystemGetDriverVersion(text, ctypes.c_uint(_TEXT))
        return None if failed else text.value.decode()

    def joules(self, uuid: str) -> float | None:
        """Return the energy that a GPU has used since its driver was loaded.

        Args:
            uuid: As NVML writes it, ``GPU-...``.
        """
        device, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
        if self._library.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(device)):
            return None
        failed = self._library.nvmlDeviceGetTotalEnergyConsumption(
            device, ctypes.byref(millijoules)
        )
        return None if failed else millijoules.value / 1000


def open_nvml() -> NVML | None:
    """Load and initialise the library; None where there is none, or no driver."""
    try:
        library = ctypes.CDLL('libnvidia-ml.so.1')
    except OSError:
        return None
    return None if library.nvmlInit_v2() else NVML(library)
