"""A training in two processes as a task: here, and as a job that is preempted and requeued."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import torch

from mmmask.benchmark.executors import LocalExecutor, SubmititExecutor
from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.process import make_slots
from mmmask.benchmark.runner import SuiteRunner
from mmmask.benchmark.suite import load_suite
from mmmask.launch.resume import read_safely

# Waits after the first of two epochs until there is a file.
WAITER = """
import time
from pathlib import Path
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

@HOOKS.register_module()
class Waiter(Hook):
    priority = 'LOWEST'

    def before_train_epoch(self, runner):
        deadline = time.monotonic() + 60
        while runner.epoch == 1 and not Path('go').exists() and time.monotonic() < deadline:
            time.sleep(0.05)
"""
CONFIG = """
custom_imports = dict(imports=['mmmask.registration', 'waiter'], allow_failed_imports=False)
custom_hooks = [dict(type='Waiter')]
"""
SUITE = """
_metrics = {'accuracy/top1': 'top-1'}
protocols = dict(two=dict(run='train', config='tiny.py', gpus=2, metrics=_metrics))
tasks = [dict(name='two', protocol='two', seed=3)]
"""


@pytest.mark.slow
def test_a_preempted_task_of_two_processes_ends_with_the_same_weights(
    tiny_config, tmp_path, monkeypatch
):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    tiny_config.write_text(tiny_config.read_text() + CONFIG)
    Path('waiter.py').write_text(WAITER)
    Path('suite.py').write_text(SUITE)
    suite = load_suite('suite.py', tmp_path)

    Path('go').touch()
    SuiteRunner(suite, 'here', LocalExecutor(make_slots(2, 2, []))).run()
    Path('go').unlink()

    def preempt():
        folder = Path('cluster/two')
        while not (folder / 'epoch_1.pth').exists():
            time.sleep(0.1)
        job = TaskFolder(folder).state['note']['job']
        first = Path(f'/proc/{job}/task/{job}/children').read_text().split()[0]
        Path('go').touch()
        os.kill(int(first), signal.SIGUSR2)

    thread = threading.Thread(target=preempt, daemon=True)
    thread.start()
    SuiteRunner(suite, 'cluster', SubmititExecutor(dict(cluster='local'))).run()
    thread.join(1)
    log = Path('cluster/two/log.txt').read_text()
    assert 'Resumed epoch: 1' in log or 'resumed' in log
    saved = [read_safely(f'{name}/two/epoch_2.pth') for name in ('here', 'cluster')]
    here, cluster = (checkpoint['state_dict'] for checkpoint in saved)
    assert here.keys() == cluster.keys()
    assert all(torch.equal(here[key], cluster[key]) for key in here)
    metrics = [TaskFolder(Path(name, 'two')).result['metrics'] for name in ('here', 'cluster')]
    assert metrics[0] == metrics[1]
