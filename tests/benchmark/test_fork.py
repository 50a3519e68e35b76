"""Commands that start as forks behave as processes of their own."""

import json
import os
import shlex
import signal
import sys

import pytest
import torch
from waiting import wait_for

from mmmask.benchmark import fork
from mmmask.benchmark.executors import LocalExecutor
from mmmask.benchmark.fork import Fork
from mmmask.benchmark.process import exclusive, is_in_use
from mmmask.benchmark.runner import SuiteRunner
from mmmask.benchmark.suite import load_suite
from mmmask.launch.resume import read_safely
from mmmask.utils.errors import UserError
from mmmask.version import __version__

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='forks are for Linux')


@pytest.fixture
def start(tmp_path):
    def start(words, keep_open=()):
        command = [sys.executable, '-m', 'mmmask', *shlex.split(words)]
        return Fork(command, tmp_path / 'log.txt', tmp_path, {}, keep_open)

    return start


def status_of(process):
    wait_for(lambda: process.poll() is not None, seconds=120)  # with the imports
    return process.poll()


def test_output_and_status(start, tmp_path):
    assert status_of(start('--version')) == 0
    assert status_of(start('inspect absent.pth')) == 1  # of the folder that it runs in
    version, error = (tmp_path / 'log.txt').read_text().splitlines()
    assert version == f'mmmask {__version__}'
    assert error.startswith('error: ') and 'absent.pth' in error
    assert status_of(start('no-command')) == 2


def test_two_at_once_in_their_folder(start, tmp_path):
    forks = start('prepare-miniature davis2017 --out a'), start('prepare-miniature coco --out b')
    assert [status_of(fork) for fork in forks] == [0, 0] and forks[0].pid != forks[1].pid
    assert (tmp_path / 'a/ImageSets/2017/val.txt').is_file() and (tmp_path / 'b').is_dir()


def test_it_keeps_the_lock_until_it_is_stopped(start, tmp_path):
    with exclusive(tmp_path) as lock:
        process = start('prepare-demo --out data', [lock])
    wait_for((tmp_path / 'data').exists, seconds=120)
    assert is_in_use(tmp_path) and process.poll() is None
    # No Ctrl-C of ours reaches it.
    assert os.getpgid(process.pid) == os.getsid(process.pid) == process.pid
    process.stop()
    assert process.poll() == -signal.SIGTERM
    wait_for(lambda: not is_in_use(tmp_path))


def test_a_socket_that_cannot_be_made_is_one_line(monkeypatch):
    def fail():
        assert os.environ['OMP_NUM_THREADS'] == '7'
        raise OSError('AF_UNIX path too long')

    monkeypatch.setattr(fork, 'ensure_running', fail)
    before = dict(os.environ)
    with pytest.raises(UserError, match='in TMPDIR .set a shorter one.: AF_UNIX path too long'):
        fork.start_forks(dict(OMP_NUM_THREADS='7'))
    assert dict(os.environ) == before


SUITE = """
_metrics = {'accuracy/top1': 'top-1'}
protocols = dict(
    train=dict(run='train', config='tiny.py', metrics=_metrics),
    test=dict(run='test', config='tiny.py', metrics=_metrics),
)
tasks = [dict(name=f'train-{s}', protocol='train', seed=s) for s in range(2)]
tasks += [dict(name='test', protocol='test', weights='train-1')]
"""


@pytest.mark.slow
def test_a_suite_of_forks_has_the_weights_and_numbers_of_one_of_processes(
    tiny_config, tmp_path, monkeypatch
):
    """The config imports a module of the current folder, and its loader has a worker."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    config = "\ncustom_imports = dict(imports=['mmmask.registration', 'nearby'])\n"
    config = config + 'train_dataloader.update(num_workers=1)\n'
    tiny_config.write_text(tiny_config.read_text() + config)
    (tmp_path / 'nearby.py').write_text("print('nearby is imported')\n")
    (tmp_path / 'suite.py').write_text(SUITE)
    slots = [dict(OMP_NUM_THREADS='1')] * 2
    found = {}
    for kind in (False, True):
        folder = tmp_path / f'forks-{kind}'
        suite = load_suite('suite.py', tmp_path)
        SuiteRunner(suite, folder, LocalExecutor(slots, forks=kind), say=print).run()
        assert 'nearby is imported' in (folder / 'test/log.txt').read_text()
        results = [json.loads((folder / f'{t.name}/result.json').read_text()) for t in suite.tasks]
        weights = [read_safely(str(folder / f'train-{s}/epoch_2.pth')) for s in range(2)]
        found[kind] = [r['metrics'] for r in results], [w['state_dict'] for w in weights]
    assert found[True][0] == found[False][0]
    for ours, theirs in zip(found[True][1], found[False][1], strict=True):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
