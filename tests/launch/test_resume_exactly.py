"""After ``kill -9`` the resumed pre-training ends with the weights of an uninterrupted one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch

from mmmask.launch.resume import read_safely

ROOT = Path(__file__).resolve().parents[2]

# Twelve iterations, killed in the eighth: stochastic masks, crops and drop path, an EMA teacher,
# centres, per-epoch and per-iteration schedules.
CONFIG = """
_base_ = '{root}/configs/demo/attmask-high-ibot_vit-demo_material-scenes.py'
custom_imports = dict(imports=['mmmask.registration', 'killer'], allow_failed_imports=False)
model = dict(
    backbone=dict(arch=dict(embed_dims=24, num_layers=2, feedforward_channels=32)),
    neck=dict(in_channels=24, hidden_channels=16, bottleneck_channels=8, out_channels=16),
    head=dict(out_channels=16),
)
train_dataloader = dict(
    batch_size=4,
    sampler=dict(type='{sampler}', shuffle=True),
    dataset=dict(data_root='{data}', data_prefix='train'),
)
train_cfg = {train_cfg}
default_hooks = dict(checkpoint=dict({checkpoint}, max_keep_ckpts=2), knn=None)
custom_hooks = [dict(type='Killer')]
"""

KILLER = """
import os, signal
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

@HOOKS.register_module()
class Killer(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == int(os.environ.get('KILL_AT', 0)):
            os.kill(os.getpid(), signal.SIGKILL)
"""

BY_EPOCH = dict(
    sampler='DefaultSampler',
    train_cfg='dict(max_epochs=4)',
    checkpoint='interval=1',
    last='epoch_4.pth',
    first='epoch_2.pth',
)
BY_ITERATION = dict(
    sampler='InfiniteSampler',
    train_cfg="dict(_delete_=True, type='IterBasedTrainLoop', max_iters=12)",
    checkpoint='interval=4, by_epoch=False',
    last='iter_12.pth',
    first='iter_4.pth',
)


def start(folder: Path, work_dir: str, *options: str, kill_at: int = 0) -> subprocess.Popen:
    arguments = ['whole.py', '--work-dir', str(folder / work_dir), *options]
    return subprocess.Popen(
        [sys.executable, str(ROOT / 'tools' / 'train.py'), *arguments],
        cwd=folder,
        env={
            **os.environ,
            'PYTHONPATH': str(folder),
            'OMP_NUM_THREADS': '1',
            'KILL_AT': str(kill_at),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize('kind', [BY_EPOCH, BY_ITERATION], ids=['epochs', 'iterations'])
def test_killed_and_resumed_is_as_never_killed(kind, tmp_path, tiny_data, run_train, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'killer.py').write_text(KILLER)
    values = {k: kind[k] for k in ('train_cfg', 'checkpoint', 'sampler')}
    text = CONFIG.format(root=ROOT, data=tiny_data, **values)
    (tmp_path / 'whole.py').write_text(text)

    killed = start(tmp_path, 'moved_later', kill_at=8)
    monkeypatch.syspath_prepend(tmp_path)
    assert run_train([str(tmp_path / 'whole.py'), '--work-dir', str(tmp_path / 'whole')]) == 0
    output = killed.communicate()[0]
    assert killed.returncode == -signal.SIGKILL, output
    assert not (tmp_path / 'moved_later' / kind['last']).exists()
    assert (tmp_path / 'moved_later' / kind['first']).exists()

    (tmp_path / 'moved_later').rename(tmp_path / 'resumed')
    resumed = start(tmp_path, 'resumed', '--resume')
    output = resumed.communicate()[0]
    assert resumed.returncode == 0 and 'other settings' not in output, output

    first = read_safely(tmp_path / 'whole' / kind['last'])
    second = read_safely(tmp_path / 'resumed' / kind['last'])
    assert len(first['state_dict']) > 20
    _assert_same(first['state_dict'], second['state_dict'])
    _assert_same(first['optimizer'], second['optimizer'])
    _assert_same(first['rng_states'], second['rng_states'])
    assert first['meta']['iter'] == second['meta']['iter'] == 12


def test_a_run_goes_on_from_a_tar(tmp_path, tiny_config, tiny_data, run_train, monkeypatch):
    """The folder of the first epoch is a tar in the second, and the images are the same."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    shutil.copytree(tiny_data, tmp_path / 'data')
    text = tiny_config.read_text().replace(str(tiny_data), str(tmp_path / 'data'))
    tiny_config.write_text(
        text.replace('CustomDataset', 'StrictImageFolder').replace('num_workers=0', 'num_workers=2')
    )
    options = [str(tiny_config), '--work-dir', str(tmp_path / 'run')]
    options += ['--cfg-options', 'default_hooks.checkpoint.interval=1']
    assert run_train(options) == 0
    whole = read_safely(tmp_path / 'run/epoch_2.pth')
    (tmp_path / 'run/epoch_2.pth').unlink()
    for split in ('train', 'val'):
        with tarfile.open(tmp_path / f'data/{split}.tar', 'w') as file:
            file.add(tmp_path / 'data' / split, split)
        shutil.rmtree(tmp_path / 'data' / split)
    assert run_train([*options, '--resume']) == 0
    resumed = read_safely(tmp_path / 'run/epoch_2.pth')
    assert whole['meta']['iter'] == resumed['meta']['iter'] == 6
    _assert_same(whole['state_dict'], resumed['state_dict'])


def _assert_same(first, second) -> None:
    """Equal, bit by bit."""
    assert type(first) is type(second)
    if isinstance(first, dict):
        assert list(first) == list(second)
        for key in first:
            _assert_same(first[key], second[key])
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        for a, b in zip(first, second):
            _assert_same(a, b)
    elif isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    else:
        assert first == second
