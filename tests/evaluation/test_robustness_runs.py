"""Classifiers on the variants of ImageNet, in their published layouts, from the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mmcv
import numpy as np
import pytest
import timm
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch.nn import functional as F

from mmmask.commands.main import main
from mmmask.datasets.folders import class_ids
from mmmask.datasets.miniatures import write_miniature

ROOT = Path(__file__).parents[2]
PLACES = {
    'imagenet': 'imagenet',
    'imagenet-a': 'imagenet-a',
    'imagenet-r': 'imagenet-r',
    'imagenet-sketch': 'imagenet-sketch',
    'imagenetv2': 'imagenetv2-matched-frequency-format-val',
}
CONFIG = f"""
_base_ = '{ROOT}/configs/robustness/variants-finetune_vit-small-p16_in1k.py'

pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
dataset = dict(data_prefix='val', pipeline=pipeline)
small = dict(batch_size=100, num_workers=0, persistent_workers=False, dataset=dataset)
train_dataloader = small
val_dataloader = small
test_dataloader = small
sizes = dict(embed_dims=64, num_layers=3, num_heads=2, feedforward_channels=256)
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, **sizes),
        img_size=32,
        patch_size=8,
        drop_path_rate=0.0,
        init_cfg=None,
    ),
    head=dict(in_channels=64),
    train_cfg=None,
)
# Trained on what it is tested on: a few large steps of the classifier are more than chance then.
optim_wrapper = dict(
    _delete_=True,
    optimizer=dict(type='SGD', lr=10.0),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.001))),
)
param_scheduler = None
train_cfg = dict(max_epochs=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
test_cfg = dict(sets=dict(imagenet_c=dict(corruptions=['contrast'], severities=[2])))
"""
FOLDERS = dict(
    imagenet_a=PLACES['imagenet-a'],
    imagenet_r=PLACES['imagenet-r'],
    imagenet_sketch=PLACES['imagenet-sketch'],
    imagenet_v2=PLACES['imagenetv2'],
)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with the data where the configs look, a config, a tuned network and timm's."""
    folder = tmp_path_factory.mktemp('place')
    for layout, name in PLACES.items():
        write_miniature(layout, folder / 'data' / name)
    (folder / 'tiny.py').write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr('mmengine.runner.runner.collect_env', dict)
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False))
        assert main(['train', 'tiny.py', '--work-dir', 'tuned', '--seed', '0']) == 0
        torch.save(timms(folder).state_dict(), 'timm.pth')
    return folder


def timms(folder):
    """Return timm's model, whose classifier has the features of the validation images."""
    torch.manual_seed(1)
    shape = dict(img_size=32, patch_size=8, embed_dim=64, depth=3, num_heads=2)
    model = timm.create_model('vit_tiny_patch16_224', num_classes=1000, **shape).eval()
    with torch.no_grad():
        images = read(sorted((folder / 'data/imagenet/val').glob('*/*')))
        found = model.forward_head(model.forward_features(images), pre_logits=True)
        middle = found.mean(dim=0)
        model.head.weight.copy_(F.normalize(found - middle))
        model.head.bias.copy_(-model.head.weight @ middle)
    return model


def ours(folder):
    """Return the tuned network."""
    model = MODELS.build(Config.fromfile(folder / 'tiny.py').model).eval()
    model.load_state_dict(
        torch.load(folder / 'tuned/epoch_2.pth', weights_only=False)['state_dict']
    )
    return lambda images: model.head(model.extract_feat(images))


def read(paths):
    """Return images (N, 3, H, W), normalised as the config says."""
    images = torch.stack([torch.from_numpy(mmcv.imread(p, channel_order='rgb')) for p in paths])
    mean, std = torch.tensor([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]])
    return ((images - mean) / std).permute(0, 3, 1, 2)


def by_hand(folder, network):
    """Return the accuracy on each set, by the best of the classes that compete."""
    ids, found = class_ids(), {}
    clean = sorted((folder / 'data/imagenet/val').glob('*/*'))
    scores, truth = network(read(clean)), [ids.index(path.parent.name) for path in clean]
    found['clean'] = np.mean(scores.argmax(1).numpy() == truth) * 100
    real = json.loads((folder / 'data/imagenet/real.json').read_text())
    right = [best in labels for best, labels in zip(scores.argmax(1).tolist(), real) if labels]
    found['real'] = np.mean(right) * 100
    for name, place in FOLDERS.items():
        paths = sorted((folder / 'data' / place).glob('*/*'))
        named = [path.parent.name for path in paths]
        labels = [int(n) if n.isdecimal() else ids.index(n) for n in named]
        others = [c for c in range(1000) if c not in labels]
        own, rest = network(read(paths)), scores.clone()
        own[:, others], rest[:, others] = -np.inf, -np.inf
        found[name] = np.mean(own.argmax(1).numpy() == labels) * 100
        if others:
            best = rest.argmax(1).tolist()
            found[f'{name}_clean'] = np.mean([best[label] == label for label in labels]) * 100
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ('checkpoint', 'build', 'least'), [('tuned/epoch_2.pth', ours, 0.5), ('timm.pth', timms, 90)]
)
@torch.no_grad()
def test_the_variants_by_ours_and_by_timms(place, monkeypatch, run_test, checkpoint, build, least):
    """Each number is that of the network itself, on one process and on two."""
    monkeypatch.chdir(place)
    command = ['tiny.py', checkpoint, '--work-dir']
    assert run_test([*command, 'one']) == 0
    result = json.loads(Path('one/result.json').read_text())
    found = {k[len('robustness/') : -len('_top1')]: v for k, v in result['metrics'].items()}
    expected = by_hand(place, build(place))
    assert len(expected) == 8
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert min(found['clean'], found['real']) > least  # chance: 0.1
    assert min(found['imagenet_a_clean'], found['imagenet_r_clean']) > least
    assert found['imagenet_c_mean'] == found['imagenet_c_contrast_2'] < found['clean']
    words = ['-m', 'mmmask.launch.spawn', '2', '-m', 'mmmask', 'test', *command, 'two']
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
    subprocess.run([sys.executable, *words, '--launcher', 'pytorch'], env=environment, check=True)
    assert json.loads(Path('two/result.json').read_text())['metrics'] == result['metrics']
