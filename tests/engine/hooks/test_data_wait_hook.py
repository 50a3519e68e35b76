"""The share of waiting, from times by hand."""

import json
from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook, Hook, LoggerHook
from mmengine.runner import Runner

from mmmask.engine.hooks import DataWaitHook, EMATeacherHook, KNNHook, data_wait_hook


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Loop:
    """Calls the hooks as mmengine's loops do, and lets time pass."""

    _hooks: list

    def __init__(self, hook, monkeypatch, workers=0):
        self.clock, self._hooks, self.said = Clock(), [], []
        monkeypatch.setattr(data_wait_hook, 'time', self.clock)
        self.train_dataloader = SimpleNamespace(num_workers=workers)
        say = lambda text: self.said.append(text)  # noqa: E731
        self.logger = SimpleNamespace(warning=say, info=say)
        Runner.register_hook(self, hook)
        self.call('before_train')
        self.call('before_train_epoch')

    def register_hook(self, hook):
        Runner.register_hook(self, hook)

    def call(self, name, **kwargs):
        Runner.call_hook(self, name, **kwargs)

    def iterate(self, wait, step, after=0.0):
        """Wait for a batch, take a step, and spend time in later hooks such as k-NN's."""
        self.clock.now += wait
        self.call('before_train_iter', batch_idx=0)
        self.clock.now += step
        later = Hook()
        later.priority = 'LOW'
        later.after_train_iter = lambda *_, **__: setattr(self.clock, 'now', self.clock.now + after)
        Runner.register_hook(self, later)
        self.call('after_train_iter', batch_idx=0)
        self._hooks.remove(later)


def test_the_share_of_hand_made_times(monkeypatch):
    hook = DataWaitHook()
    loop = Loop(hook, monkeypatch)
    assert hook.share is None
    loop.iterate(wait=50, step=7)  # starts the workers: not counted
    assert hook.share is None
    loop.iterate(wait=1, step=3, after=20)  # k-NN isn't counted
    assert hook.share == 1 / 4
    loop.clock.now += 30  # a validation
    loop.call('after_val')
    loop.iterate(wait=2, step=2)
    assert hook.share == 3 / 8
    loop.clock.now += 9  # between epochs
    loop.call('before_train_epoch')
    loop.iterate(wait=1, step=7)
    assert hook.share == 4 / 16
    loop.call('after_train')
    assert loop.said == [
        '25% of the time of 3 iterations was waiting for data (4.0 of 16.0 s; without validation '
        'and checkpoints)'
    ]


def test_it_comes_behind_the_step_and_before_what_is_not_counted():
    priorities = [EMATeacherHook, DataWaitHook, LoggerHook, KNNHook, CheckpointHook]
    runner = SimpleNamespace(_hooks=[])
    for kind in reversed(priorities):
        hook = object.__new__(kind)
        Runner.register_hook(runner, hook)
    assert [type(hook) for hook in runner._hooks] == priorities


@pytest.mark.parametrize(
    'wait, step, iterations, warned',
    [
        (0.3, 0.7, 101, True),  # 100 counted ones of a second
        (0.3, 0.7, 100, False),  # too few
        (0.03, 0.07, 300, False),  # half a minute
        (0.2, 0.8, 150, False),  # not above 20 %
    ],
)
def test_the_warning(wait, step, iterations, warned, monkeypatch):
    monkeypatch.setattr(data_wait_hook, 'available_cores', lambda: 4)
    loop = Loop(DataWaitHook(warn_above=0.2001), monkeypatch, workers=1)
    for _ in range(iterations):
        loop.iterate(wait, step)
    assert len(loop.said) == warned
    if warned:
        loop.iterate(100, 1)  # says so once
        assert len(loop.said) == 1
        assert 'in 30% of its time, with train_dataloader.num_workers=1 and 4 cores' in loop.said[0]
        assert 'Set a higher train_dataloader.num_workers' in loop.said[0]
        assert 'mmmask time-loader CONFIG' in loop.said[0]


def test_more_workers_than_cores_help_nobody(monkeypatch):
    monkeypatch.setattr(data_wait_hook, 'available_cores', lambda: 2)
    loop = Loop(DataWaitHook(), monkeypatch, workers=2)
    for _ in range(102):
        loop.iterate(1, 1)
    assert 'All cores are used' in loop.said[0] and 'Set a higher' not in loop.said[0]


def test_a_run_states_it(tiny_config, run_train, tmp_path):
    """In the log and the result; after a resume, of all attempts."""
    work_dir = tmp_path / 'run'
    arguments = [str(tiny_config), '--work-dir', str(work_dir)]
    assert run_train(arguments) == 0
    share = json.loads((work_dir / 'result.json').read_text())['data_wait_share']
    assert 0 < share < 1
    log = next(work_dir.glob('*/*.log')).read_text()
    assert f'{share:.0%} of the time of 5 iterations was waiting for data' in log
    more = ['--resume', '--cfg-options', 'train_cfg.max_epochs=3']
    assert run_train([*arguments, *more]) == 0
    logs = sorted(work_dir.glob('*/*.log'))
    assert 'of the time of 7 iterations was waiting for data' in logs[-1].read_text()
    dropped = ['--cfg-options', 'default_hooks.data_wait=None']
    assert run_train([str(tiny_config), '--work-dir', str(tmp_path / 'dropped'), *dropped]) == 0
    result = json.loads((tmp_path / 'dropped/result.json').read_text())
    assert result['data_wait_share'] is None
