"""Commands that start as forks behave as processes of their own."""

import os
import shlex
import signal
import sys
import time

import pytest

from mmmask.benchmark.fork import Fork
from mmmask.benchmark.process import exclusive, is_in_use
from mmmask.version import __version__

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='forks are for Linux')


@pytest.fixture
def start(tmp_path):
    def start(words, keep_open=()):
        command = [sys.executable, '-m', 'mmmask', *shlex.split(words)]
        return Fork(command, tmp_path / 'log.txt', tmp_path, {}, keep_open)

    return start


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def status_of(fork):
    wait_for(lambda: fork.poll() is not None)
    return fork.poll()


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
        fork = start('prepare-demo --out data', [lock])
    wait_for((tmp_path / 'data').exists)
    assert is_in_use(tmp_path) and fork.poll() is None
    assert os.getpgid(fork.pid) == os.getsid(fork.pid) == fork.pid  # no Ctrl-C of ours reaches it
    fork.stop()
    assert fork.poll() == -signal.SIGTERM
    wait_for(lambda: not is_in_use(tmp_path))
