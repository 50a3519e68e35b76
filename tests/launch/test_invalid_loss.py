"""A training that diverges ends with one line, status 1 and its last good checkpoint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmmask.launch.prepare import Request, prepare_config
from mmmask.launch.resume import read_safely

ROOT = Path(__file__).resolve().parents[2]

# Iteration 5 of 6 (the second of the second epoch) has an infinite loss on one process.
BREAKING = """
import os, torch
from mmpretrain.models.losses import CrossEntropyLoss
from mmpretrain.registry import MODELS

@MODELS.register_module(force=True)
class BreakingLoss(CrossEntropyLoss):
    calls = 0

    def forward(self, *args, **kwargs):
        self.calls += 1
        loss = super().forward(*args, **kwargs)
        broken = self.calls == {at} and os.environ.get('RANK', '0') == '{rank}'
        return loss / torch.zeros_like(loss) if broken else loss
"""


def breaking(tiny_config: Path, at: int, rank: int = 0) -> Path:
    """The tiny config with that loss."""
    (tiny_config.parent / 'breaking.py').write_text(BREAKING.format(at=at, rank=rank))
    text = tiny_config.read_text()
    text += "custom_imports = dict(imports=['mmmask.registration', 'breaking'])\n"
    text += "model['head']['loss'] = dict(type='BreakingLoss')\nval_cfg = val_dataloader = None\n"
    text += 'val_evaluator = None\n'
    tiny_config.write_text(text)
    return tiny_config


def the_line(console: str) -> str:
    assert 'Traceback' not in console, console
    lines = [line for line in console.splitlines() if line.startswith('error')]
    assert len(lines) == 1, console
    return lines[0]


def assert_good(checkpoint: Path) -> None:
    state = read_safely(checkpoint)['state_dict']
    assert len(state) > 10 and all(value.isfinite().all() for value in state.values())


def test_an_infinite_loss(tiny_config, tmp_path, capfd, run_train, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'breaking', raising=False)
    work_dir = tmp_path / 'run'
    config = breaking(tiny_config, at=5)
    assert run_train([str(config), '--work-dir', str(work_dir)]) == 1
    line = the_line(capfd.readouterr().err)
    assert re.search(r'not finite \(loss inf\); stopped in iteration 5 \(epoch 2\)', line)
    assert f'last checkpoint: {work_dir / "epoch_1.pth"}' in line
    assert not (work_dir / 'epoch_2.pth').exists() and not (work_dir / 'result.json').exists()
    assert_good(work_dir / 'epoch_1.pth')

    # and it can be gone on from: the loss is called anew, and never for the fifth time
    assert run_train([str(config), '--work-dir', str(work_dir), '--resume']) == 0
    assert_good(work_dir / 'epoch_2.pth')


def test_a_learning_rate_out_of_all_bounds(tiny_config, tmp_path, capfd, run_train):
    """The first step is the last: no checkpoint yet, and none of what it left."""
    options = ['--cfg-options', 'optim_wrapper.optimizer.lr=1e30']
    assert run_train([str(tiny_config), '--work-dir', str(tmp_path / 'run'), *options]) == 1
    line = the_line(capfd.readouterr().err)
    assert re.search(r'iteration 2 \(epoch 1\); last checkpoint: none yet', line)
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_scores_of_a_diverged_teacher(tiny_data, tmp_path, capfd, run_train):
    """The student's step breaks the teacher, whose scores are looked at before any loss."""
    options = [
        f'train_dataloader.dataset.data_root={tiny_data}',
        'train_dataloader.dataset.data_prefix=train',
        'train_dataloader.batch_size=4',
        'optim_wrapper.optimizer.lr=1e36',
        'default_hooks.schedule.schedules.lr=None',
        'default_hooks.knn=None',
        'train_cfg.max_epochs=1',
    ]
    config = ROOT / 'configs/demo/attmask-high-ibot_vit-demo_material-scenes.py'
    arguments = [str(config), '--work-dir', str(tmp_path / 'run'), '--cfg-options', *options]
    assert run_train(arguments) == 1
    line = the_line(capfd.readouterr().err)
    assert (
        'HighAttentionMasker got NaN or infinite scores: the network has diverged; stopped in'
        in line
    )
    assert re.search(r'iteration 2 \(epoch 1\); last checkpoint: none yet', line)


@pytest.mark.parametrize('given', ['ours', 'upstream', 'dropped'])
def test_every_training_has_the_hook(tiny_config, given):
    """Also one with hooks of its own, as upstream's configs; None drops it."""
    text = tiny_config.read_text()
    if given == 'upstream':
        text = text.partition('\n')[2].partition('\n')[2]  # without our runtime
        text += "default_scope = 'mmpretrain'\n"
        text += "default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))\n"
    if given == 'dropped':
        text += 'default_hooks = dict(invalid_loss=None)\n'
    tiny_config.write_text(text)
    hooks = prepare_config(Request(str(tiny_config), 'command'), ('train',)).default_hooks
    found = hooks.get('invalid_loss', Config(dict(type=None))).type
    assert (found or '').endswith('StopOnInvalidLossHook') == (given != 'dropped')
    assert ('invalid_loss' in hooks) == (given != 'dropped')


@pytest.mark.slow
@pytest.mark.parametrize('rank', [0, 1])
def test_two_processes_end_when_one_diverges(tiny_config, tmp_path, rank):
    """Iteration 3 of 4 is the first of the second epoch."""
    config = breaking(tiny_config, at=3, rank=rank)
    work_dir = tmp_path / 'run'
    command = [str(ROOT / 'tools/dist_train.sh'), str(config), '2', '--work-dir', str(work_dir)]
    env = {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '', 'PYTHONPATH': str(tmp_path)}
    ran = subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 1
    line = the_line(ran.stderr)
    assert re.search(rf'^error: .* on process {rank} \(loss inf\); stopped in iteration 3', line)
    assert f'last checkpoint: {work_dir / "epoch_1.pth"}' in line
    assert not (work_dir / 'epoch_2.pth').exists()
    assert_good(work_dir / 'epoch_1.pth')
