"""``tools/dist_train.sh`` with two processes on CPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmpretrain.registry import MODELS

from mmmask.launch.resume import read_safely

ROOT = Path(__file__).resolve().parents[2]


def dist(tool: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(ROOT / 'tools' / tool), *arguments],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_two_processes_train_and_test(tiny_config, tmp_path):
    work_dir = tmp_path / 'run'
    text = tiny_config.read_text()
    # SyncBN has no CPU kernel: the launcher must have replaced it.
    text += "model['head'] = dict(type='StackedLinearClsHead', num_classes=2, in_channels=8, "
    text += "mid_channels=[8], norm_cfg=dict(type='SyncBN'), loss=dict(type='CrossEntropyLoss'))\n"
    tiny_config.write_text(text)
    ran = dist('dist_train.sh', str(tiny_config), '2', '--work-dir', str(work_dir), '--seed', '1')
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count('do not cross CPU ranks') == 1, ran.stdout  # said once, by rank 0
    result = json.loads((work_dir / 'result.json').read_text())
    assert 'accuracy/top1' in result['metrics']
    assert '--launcher pytorch' in result['command']

    checkpoint = read_safely(work_dir / 'epoch_2.pth')
    first, second = checkpoint['rng_states']
    assert not torch.equal(first['torch'], second['torch'])  # ranks draw different masks
    assert checkpoint['meta']['iter'] == 4  # 12 images, 2 processes x 4: two iterations an epoch

    tested = tmp_path / 'tested'
    arguments = [str(tiny_config), str(work_dir / 'epoch_2.pth'), '2', '--work-dir', str(tested)]
    ran = dist('dist_test.sh', *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert 'accuracy/top1' in json.loads((tested / 'result.json').read_text())['metrics']


@pytest.mark.slow
def test_two_processes_start_from_a_checkpoint(tiny_config, tmp_path):
    """Each process loads it, under DDP; it is reported, and a mistake is said, once."""
    arch = dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16)
    backbone = dict(type='mmpretrain.VisionTransformer', arch=arch, img_size=32, patch_size=8)
    source = MODELS.build(backbone)
    source.init_weights()
    checkpoint = tmp_path / 'pretrained.pth'
    torch.save(dict(state_dict=source.state_dict()), checkpoint)
    text = tiny_config.read_text() + "model['backbone']['init_cfg'] = dict(type='Pretrained')\n"
    tiny_config.write_text(text)
    arguments = [str(tiny_config), '2', '--work-dir', str(tmp_path / 'run'), '--cfg-options']
    arguments += [f'model.backbone.init_cfg.checkpoint={checkpoint}', 'train_cfg.max_epochs=1']
    # frozen, so that what was saved is what was loaded
    ran = dist('dist_train.sh', *arguments, 'model.backbone.frozen_stages=1')
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count('loaded 18 of 18 tensors') == 1
    assert ran.stdout.count('pos_embed 4x4 -> 2x2') == 1
    assert ran.stdout.count('model.backbone against timm with the tensors of pretrained.pth') == 1
    saved = read_safely(tmp_path / 'run' / 'epoch_1.pth')['state_dict']
    for name, value in source.layers[0].state_dict().items():
        assert torch.equal(saved[f'backbone.layers.0.{name}'], value), name

    ran = dist('dist_train.sh', *arguments, 'model.backbone.patch_size=4')
    assert ran.returncode == 1
    (error,) = [line for line in ran.stderr.splitlines() if line.startswith('error: ')]
    assert 'patch size 8 in the file, 4 in the config' in error


@pytest.mark.slow
def test_two_processes_pretrain_the_demo(tmp_path):
    data = make_material_scenes(tmp_path / 'data', cls_train=2, cls_val=1)
    work_dir = tmp_path / 'run'
    ran = dist(
        'dist_train.sh',
        str(ROOT / 'configs/demo/attmask-high-ibot_vit-demo_material-scenes.py'),
        '2',
        *('--work-dir', str(work_dir), '--cfg-options'),
        *(f'train_dataloader.dataset.data_root={data}', 'train_dataloader.batch_size=6'),
        *('train_cfg.max_epochs=1', 'default_hooks.knn=None'),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    checkpoint = read_safely(work_dir / 'epoch_1.pth')
    assert checkpoint['meta']['iter'] == 2  # 24 images, 2 processes x 6
    assert all(value.isfinite().all() for value in checkpoint['state_dict'].values())


def make_material_scenes(folder: Path, **counts: int) -> Path:
    options = [f'--{name.replace("_", "-")}={count}' for name, count in counts.items()]
    tool = [sys.executable, str(ROOT / 'tools/prepare_demo_data.py'), '--trees', 'cls']
    subprocess.run([*tool, '--out', str(folder), *options], check=True, capture_output=True)
    return folder / 'cls'


@pytest.mark.slow
def test_a_mistake_is_said_once(tmp_path):
    ran = dist('dist_train.sh', str(tmp_path / 'nothing.py'), '2')
    assert ran.returncode == 1
    assert ran.stderr.count('error: There is no config') == 1
    assert 'Traceback' not in ran.stderr


def test_usage():
    assert dist('dist_train.sh', 'config.py').returncode == 2
    assert 'dist_train.sh CONFIG NPROC' in dist('dist_train.sh').stderr
    assert 'dist_test.sh CONFIG CHECKPOINT NPROC' in dist('dist_test.sh').stderr
    assert 'slurm_train.sh PARTITION' in dist('slurm_train.sh').stderr
    assert "got 'two'" in dist('dist_train.sh', 'config.py', 'two').stderr
