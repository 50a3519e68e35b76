"""NVML's answers, from a library that is none."""

import ctypes

from mmmask.utils import nvml
from mmmask.utils.nvml import NVML, open_nvml


class Library:
    """Has one GPU, GPU-1, that has used 2.5 J; functions return 0 or an error as NVML's do."""

    broken = False

    def nvmlInit_v2(self):
        return 9 * self.broken

    def nvmlSystemGetDriverVersion(self, text, size):
        text.value = b'570.86.15'
        return 9 * self.broken

    def nvmlDeviceGetHandleByUUID(self, uuid, device):
        device._obj.value = 77
        return 0 if uuid == b'GPU-1' else 6

    def nvmlDeviceGetTotalEnergyConsumption(self, device, millijoules):
        assert device.value == 77
        millijoules._obj.value = 2500
        return 3 * self.broken


def test_answers():
    asked = NVML(Library())
    assert asked.driver == '570.86.15'
    assert asked.joules('GPU-1') == 2.5
    assert asked.joules('GPU-2') is None


def test_what_fails_is_unknown():
    library = Library()
    library.broken = True
    assert NVML(library).driver is None
    assert NVML(library).joules('GPU-1') is None


def test_a_machine_with_and_without_the_library(monkeypatch):
    def no_library(name):
        raise OSError(name)

    library = Library()
    monkeypatch.setattr(nvml.ctypes, 'CDLL', lambda name: library)
    assert open_nvml().driver == '570.86.15'
    library.broken = True  # a library without a driver
    assert open_nvml() is None
    monkeypatch.setattr(ctypes, 'CDLL', no_library)
    assert open_nvml() is None
