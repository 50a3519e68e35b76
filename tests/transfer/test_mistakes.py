"""The mistakes that upstream lets pass with a warning, or in silence, end a training's start.

Each by ``tools/train.py``, in a classifier, a detector and a segmenter: one line, exit status 1.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from fresh_start import forget_earlier_runs
from mmengine.config import Config
from mmpretrain.registry import MODELS
from tiny_backbones import below, randomise

from mmmask.commands.main import run_command

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = {
    'mmpretrain': ROOT / 'configs/demo/finetune_vit-demo_material-scenes.py',
    'mmdet': ROOT / 'configs/demo/mask-rcnn_vit-demo_material-scenes.py',
    'mmseg': ROOT / 'configs/demo/upernet_vit-demo_material-scenes.py',
}
ARCH = dict(embed_dims=64, num_layers=3, num_heads=2, feedforward_channels=256)


@pytest.fixture(scope='module')
def place(tmp_path_factory) -> Path:
    """A folder with little of the demo's data, and a checkpoint."""
    folder = tmp_path_factory.mktemp('place')
    tool = [sys.executable, str(ROOT / 'tools/prepare_demo_data.py')]
    counts = ['--cls-train=2', '--cls-val=1', '--scenes-train=4', '--scenes-val=2']
    out = folder / 'data' / 'material_scenes'
    subprocess.run([*tool, '--out', str(out), *counts], check=True, capture_output=True)
    backbone = dict(type='mmpretrain.MaskedVisionTransformer', arch=ARCH, img_size=32, patch_size=8)
    student, teacher = (randomise(MODELS.build(backbone), seed) for seed in (0, 1))
    text = Config(dict(model=dict(type='SelfDistillation', backbone=backbone))).pretty_text
    state_dict = below('backbone.', student) | below('teacher.backbone.', teacher)
    torch.save(dict(state_dict=state_dict, meta=dict(cfg=text)), folder / 'epoch_1.pth')
    return folder


def start(place: Path, run: Path, config: Path, changes: str) -> int:
    """Start a training of a config with some more lines."""
    path = run / 'config.py'
    path.write_text(f'_base_ = {str(config)!r}\nmodel = dict(backbone=dict())\n{changes}\n')
    forget_earlier_runs()
    # Half of a start's time would go into laying out the config's text, six times over.
    plain = mock.patch('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False))
    with contextlib.chdir(place), plain:
        return run_command('train', [str(path), '--work-dir', str(run / 'work')])


INIT = "model['backbone']['init_cfg'] = dict(_delete_=True, type='Pretrained', checkpoint={!r}{})"
FILE = 'epoch_1.pth'
BACKBONE = "model['backbone'].update({}); "
MISTAKES = {
    'prefix of nothing': (INIT.format(FILE, ", prefix='encoder.'"), "no tensor below 'encoder.'"),
    'prefix of the whole': (INIT.format(FILE, ", prefix=''"), 'missing in the file'),
    'missing file': (INIT.format('nowhere.pth', ''), "There is no checkpoint 'nowhere.pth'"),
    'no file named': ('', 'The config starts from a checkpoint that you choose'),
    'no such source': (INIT.format(FILE, ", source='ema'"), 'init_cfg.source is auto or teacher'),
    'width': (
        BACKBONE.format(f'arch=dict({ARCH}, embed_dims=32)') + INIT.format(FILE, ''),
        'embed_dims 64 in the file, 32 in the config',
    ),
    'depth': (
        BACKBONE.format(f'arch=dict({ARCH}, num_layers=4)') + INIT.format(FILE, ''),
        'depth 3 in the file, 4 in the config',
    ),
    'heads': (
        BACKBONE.format(f'arch=dict({ARCH}, num_heads=4)') + INIT.format(FILE, ''),
        'attention heads 2 in the file (from the config in the file), 4 in the config',
    ),
    'patch size': (
        BACKBONE.format('patch_size=16') + INIT.format(FILE, ''),
        'patch size 8 in the file, 16 in the config',
    ),
    'a file as init_cfg': (
        "model['backbone']['init_cfg'] = 'epoch_1.pth'",
        'give a file as model.backbone.init_cfg.checkpoint=epoch_1.pth',
    ),
    "another initialiser with the base config's checkpoint": (
        "model['backbone']['init_cfg'] = dict(type='TruncNormal', layer='Linear')",
        "write init_cfg=dict(_delete_=True, type='TruncNormal', ...)",
    ),
    'a pre-training as a whole model': (
        "model['backbone']['init_cfg'] = None; load_from = 'epoch_1.pth'",
        'a training starts from by model.backbone.init_cfg.checkpoint=epoch_1.pth',
    ),
    'another family': (
        "model['backbone'] = dict(_delete_=True, type='mmpretrain.SwinTransformer', arch='tiny', "
        'init_cfg=dict(type="Pretrained", checkpoint="epoch_1.pth"))',
        "doesn't fit SwinTransformer",
    ),
    'overwritten afterwards': (
        "model['backbone'] = dict(_delete_=True, type='mmpretrain.MAEViT', img_size=32, "
        f'patch_size=8, arch={ARCH}, '
        'init_cfg=dict(type="Pretrained", checkpoint="epoch_1.pth"))',
        'MAEViT overwrites',
    ),
}


@pytest.mark.parametrize('repository', CONFIGS)
@pytest.mark.parametrize('mistake', MISTAKES)
def test_ends_with_a_line(repository, mistake, place, tmp_path, capsys):
    changes, said = MISTAKES[mistake]
    assert start(place, tmp_path, CONFIGS[repository], changes) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('error: ') and said in error, error
    assert not list((tmp_path / 'work').glob('*.pth'))


@pytest.mark.parametrize('repository', CONFIGS)
def test_a_list_of_initialisers_keeps_position_embeddings(repository, place, tmp_path, capsys):
    """Upstream draws them anew behind the checkpoint's; here the features would say so."""
    listed = INIT.format(FILE, '').replace('dict(_delete_=True, ', '[dict(') + ']'
    changes = listed + '\ntrain_cfg = dict(max_iters=1)\n'
    assert start(place, tmp_path, CONFIGS[repository], changes) == 0
    (log,) = (tmp_path / 'work').glob('*/*.log')
    assert (
        'model.backbone against timm with the tensors of epoch_1.pth: 3 blocks' in log.read_text()
    )


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f'touch {self.path}',)


@pytest.mark.parametrize('repository', CONFIGS)
def test_a_malicious_pickle_executes_nothing(repository, place, tmp_path, capsys):
    """Not while training starts, nor in a tool; the reason and the way to trust it are said."""

    ran, evil = tmp_path / 'ran', tmp_path / 'evil.pth'
    content = torch.load(place / FILE, weights_only=True)
    torch.save({**content, 'optimizer': Evil(ran)}, evil)
    out = tmp_path / 'new.safetensors'
    exported = [str(evil), '--to', 'mmpretrain', '--out', str(out)]
    for run in (
        lambda: start(place, tmp_path, CONFIGS[repository], INIT.format(str(evil), '')),
        lambda: run_command('inspect', [str(evil)]),
        lambda: run_command('verify', [str(CONFIGS[repository]), str(evil)]),
        lambda: run_command('export', exported),
    ):
        assert run() == 1
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert "besides weights it holds 'posix.system', which could run code" in error
        assert f'mmmask export {evil} --trust --to mmpretrain' in error
    assert not ran.exists() and not out.exists()
    assert run_command('export', [*exported, '--trust']) == 0
    assert ran.exists() and out.is_file()  # as the user wanted it
