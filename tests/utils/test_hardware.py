"""The hardware of a made-up machine."""

from types import SimpleNamespace

import torch

from mmmask.utils import hardware
from mmmask.utils.hardware import describe_hardware, describe_place


def write_proc(folder):
    (folder / 'cpuinfo').write_text(
        'processor\t: 0\nmodel\t\t: 17\nmodel name\t: Chip 9 @ 2.0GHz\n\n'
        'processor\t: 1\nmodel name\t: Chip 9 @ 2.0GHz\n'
    )
    (folder / 'meminfo').write_text('MemTotal:       25165824 kB\nMemFree:   1 kB\n')


def test_a_machine_without_gpus(tmp_path, monkeypatch):
    write_proc(tmp_path)
    monkeypatch.setattr(hardware, 'available_cores', lambda: 2)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    place = describe_place()
    assert place['host'] and place['gpu'] is None
    assert describe_hardware([place] * 2, None, tmp_path) == dict(
        cpu='Chip 9 @ 2.0GHz', cores=2, memory_gib=24.0, processes=2, nodes=1
    )


def test_gpus_of_two_machines(tmp_path, monkeypatch):
    write_proc(tmp_path)
    monkeypatch.setattr(hardware, 'available_cores', lambda: 16)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'current_device', lambda: 1)
    found = SimpleNamespace(name='GPU X', uuid='a-b', total_memory=80 << 30)
    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda device: found)
    place = describe_place()
    assert (place['gpu'], place['uuid'], place['gpu_memory_gib']) == ('GPU X', 'GPU-a-b', 80.0)
    places = [place, place, dict(place, host='other', uuid='GPU-c', gpu_memory_gib=40.0)]
    told = describe_hardware(places, SimpleNamespace(driver='570.1'), tmp_path)
    assert told['gpu'] == 'GPU X' and told['driver'] == '570.1'
    assert (told['gpus'], told['gpu_memory_gib']) == (2, 40.0)  # two processes share one
    assert (told['processes'], told['nodes']) == (3, 2)


def test_a_system_that_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(hardware.platform, 'processor', lambda: '')
    monkeypatch.setattr(hardware.platform, 'machine', lambda: 'aarch64')
    told = describe_hardware([describe_place()], None, tmp_path)
    assert told['cpu'] == 'aarch64' and 'memory_gib' not in told
