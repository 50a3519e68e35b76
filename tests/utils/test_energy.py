"""Energy, from counters that tests write."""

import time

from mmmask.utils.energy import Counter, EnergyMeter, cpu_counters, gpu_counters


def write_zone(root, zone, name, joules, range=1000):
    folder = root / zone
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'name').write_text(f'{name}\n')
    (folder / 'energy_uj').write_text(f'{int(joules * 1e6)}\n')
    (folder / 'max_energy_range_uj').write_text(f'{int(range * 1e6)}\n')


def test_packages_of_all_sockets(tmp_path):
    write_zone(tmp_path, 'intel-rapl:0', 'package-0', 100)
    write_zone(tmp_path, 'intel-rapl:0:0', 'core', 60)  # part of its package
    write_zone(tmp_path, 'intel-rapl:1', 'package-1', 990)
    write_zone(tmp_path, 'intel-rapl:2', 'psys', 5000)  # the whole machine: packages are in it
    write_zone(tmp_path, 'intel-rapl-mmio:0', 'package-0', 100)  # the same counter again
    meter = EnergyMeter(cpu_counters(tmp_path))
    assert meter.joules() == dict(cpu=0.0)
    write_zone(tmp_path, 'intel-rapl:0', 'package-0', 130)
    write_zone(tmp_path, 'intel-rapl:1', 'package-1', 15)  # over 1000 J: 10 + 15
    assert meter.joules() == dict(cpu=55.0)
    write_zone(tmp_path, 'intel-rapl:1', 'package-1', 20)
    assert meter.joules() == dict(cpu=60.0)
    meter.stop()


def test_a_counter_that_cannot_be_read_leaves_no_energy(tmp_path):
    assert EnergyMeter(cpu_counters(tmp_path)).joules() == {}
    write_zone(tmp_path, 'intel-rapl:0', 'package-0', 100)
    write_zone(tmp_path, 'intel-rapl:1', 'package-1', 100)
    (tmp_path / 'intel-rapl:1' / 'energy_uj').unlink()  # as without its permission
    assert EnergyMeter(cpu_counters(tmp_path)).joules() == {}


def test_gpus_add_up_beside_cpus():
    joules = {'GPU-1': 10.0, 'GPU-2': 20.0}

    class Library:
        def joules(self, uuid):
            return joules.get(uuid)

    gpus = gpu_counters(Library(), joules)
    meter = EnergyMeter([*gpus, Counter('cpu', lambda: 7.0)])
    joules.update({'GPU-1': 11.0, 'GPU-2': 23.5})
    assert meter.joules() == dict(gpu=4.5, cpu=0.0)
    joules['GPU-2'] = 0.0  # its driver was loaded again: what it had used is lost
    assert meter.joules() == dict(cpu=0.0)
    joules['GPU-2'] = 50.0
    assert meter.joules() == dict(cpu=0.0)
    assert EnergyMeter(gpu_counters(Library(), ['GPU-3'])).joules() == {}
    assert gpu_counters(None, ['GPU-1']) == []


def test_readings_in_between_catch_every_new_start():
    """A counter starts anew at 10 J. Readings 0, 8, 6 are 16 J; the ends alone would show 6."""
    values = iter([0.0, 8.0])
    meter = EnergyMeter([Counter('cpu', lambda: next(values, 6.0), range=10.0)], seconds=0.01)
    deadline = time.monotonic() + 10
    while meter._last != [6.0] and time.monotonic() < deadline:
        time.sleep(0.01)
    meter.stop()
    assert meter.joules() == dict(cpu=16.0)
