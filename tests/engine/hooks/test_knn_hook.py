"""k-NN during training: measured like the test loop, and without a trace."""

import copy
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from PIL import Image

from mmmask.engine.hooks.knn_hook import KNNHook
from mmmask.engine.hooks.undisturbed import undisturbed
from mmmask.utils.errors import UserError

BACKBONE = dict(
    type='VisionTransformer',
    arch=dict(embed_dims=12, num_layers=1, num_heads=2, feedforward_channels=24),
    img_size=16,
    patch_size=8,
    out_type='raw',
    drop_rate=0.3,
)


@MODELS.register_module(force=True)
class RandomRegression(BaseModel):
    """Pulls the CLS token to random targets: every source of randomness reaches the weights."""

    def __init__(self, backbone, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor)
        self.backbone = MODELS.build(backbone)
        self.teacher = torch.nn.Module()
        self.teacher.backbone = MODELS.build(backbone)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        cls = self.backbone(inputs)[-1][:, 0]
        target = torch.rand_like(cls) + random.random() + np.random.rand()
        return dict(loss=(cls - target).square().mean())


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Runners without the seconds that it takes to ask compilers for their versions."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Two flat colours with noise, 6 images each."""
    root = tmp_path_factory.mktemp('data')
    generator = np.random.default_rng(0)
    for name, colour in (('blue', (20, 30, 200)), ('red', (200, 30, 20))):
        (root / name).mkdir()
        for i in range(6):
            image = np.clip(np.array(colour) + generator.integers(-20, 20, (16, 16, 3)), 0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / name / f'{i}.png')
    return str(root)


def loader(root, shuffle):
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='RandomFlip', prob=0.5 if shuffle else 0.0),
        dict(type='PackInputs'),
    ]
    return dict(
        batch_size=4,
        num_workers=0,
        collate_fn=dict(type='default_collate'),
        sampler=dict(type='DefaultSampler', shuffle=shuffle),
        dataset=dict(type='CustomDataset', data_root=root, pipeline=pipeline, serialize_data=False),
    )


def train(root, work_dir, epochs=2, train_cfg=None, others=(), **hook):
    hooks = list(others)
    if hook:
        loaders = dict(bank_dataloader=loader(root, False), query_dataloader=loader(root, False))
        hooks = [{'type': 'KNNHook', **loaders, 'k': 3, **hook}, *others]
    cfg = Config(
        dict(
            default_scope='mmpretrain',
            work_dir=str(work_dir),
            experiment_name=f'hook-{work_dir.parent.name}-{work_dir.name}',
            model=dict(
                type='RandomRegression',
                backbone=BACKBONE,
                data_preprocessor=dict(
                    type='SelfSupDataPreprocessor', mean=[127.0] * 3, std=[64.0] * 3, to_rgb=True
                ),
            ),
            train_dataloader=loader(root, True),
            train_cfg=train_cfg or dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            custom_hooks=hooks,
            randomness=dict(seed=0),
            visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        )
    )
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def scalars(runner):
    path = next(Path(runner.log_dir).glob('vis_data/scalars.json'))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if 'knn/top1_k3' in line]


def test_a_run_with_the_hook_ends_with_the_same_weights(root, tmp_path):
    without = train(root, tmp_path / 'a')
    within = train(root, tmp_path / 'b', at_start=True)
    ours, theirs = within.model.state_dict(), without.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert [(line['epoch'], line['iter'], line['step']) for line in scalars(within)] == [
        (0, 0, 0),
        (1, 3, 3),
        (2, 6, 6),
    ]
    assert within.message_hub.get_scalar('val/knn/top1_k3').current() == 100.0
    before = within.message_hub.get_scalar('val/knn/untrained_top1_k3')
    assert before.current() == scalars(within)[0]['knn/top1_k3']
    assert 'val/knn/untrained_top1_k3' not in without.message_hub.log_scalars


def test_without_at_start_there_is_no_untrained_result(root, tmp_path):
    runner = train(root, tmp_path, epochs=1)
    assert 'val/knn/untrained_top1_k3' not in runner.message_hub.log_scalars


def test_the_last_epoch_is_always_measured(root, tmp_path):
    runner = train(root, tmp_path, epochs=5, interval=3, source='student')
    assert [line['epoch'] for line in scalars(runner)] == [3, 5]


def test_the_interval_may_count_iterations(root, tmp_path):
    train_cfg = dict(by_epoch=False, max_iters=3)  # one epoch
    runner = train(root, tmp_path, train_cfg=train_cfg, by_epoch=False, interval=2)
    assert [line['iter'] for line in scalars(runner)] == [2, 3]


def test_epochs_of_training_by_iterations(root, tmp_path):
    """Twelve images in batches of four: an epoch is three iterations."""
    runner = train(root, tmp_path, train_cfg=dict(by_epoch=False, max_iters=8), interval=2)
    assert [(line['epoch'], line['iter']) for line in scalars(runner)] == [(2, 6), (3, 8)]


def test_max_bank_spreads_over_the_classes(root, tmp_path):
    runner = train(root, tmp_path, epochs=1, max_bank=4)
    hook = next(hook for hook in runner.hooks if isinstance(hook, KNNHook))
    assert [hook.bank.dataset[i]['data_samples'].gt_label.item() for i in range(4)] == [0, 0, 1, 1]
    assert scalars(runner)[0]['knn/top1_k3'] == 100.0


def test_modes_and_random_states_are_restored():
    model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.BatchNorm1d(3))
    model[1].eval()
    states = (random.getstate(), copy.deepcopy(np.random.get_state()), torch.get_rng_state())
    with pytest.raises(KeyError), undisturbed(model):
        assert not model[0].training
        random.random(), np.random.rand(), torch.rand(1)
        raise KeyError
    assert model.training and model[0].training and not model[1].training
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1][1])
    assert torch.equal(torch.get_rng_state(), states[2])


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(k=13), 'bank of 12'),
        (dict(max_bank=2), 'bank of 2'),
        (dict(source='momentum'), "'teacher' or 'student'"),
        (dict(interval=0), 'at least 1'),
        (dict(feature='mean'), "'cls', 'gap', 'gap_normed'"),
    ],
)
def test_bad_options_stop_before_training(root, tmp_path, options, message):
    with pytest.raises((UserError, TypeError), match=message):
        train(root, tmp_path, **options)
