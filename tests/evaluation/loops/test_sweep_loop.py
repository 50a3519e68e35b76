"""A sweep selects its probe on held-out training images, on one rank and on two."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmpretrain.structures import DataSample
from two_ranks import on_two_ranks

from mmmask.evaluation.loops.sweep_loop import held_out_part
from mmmask.evaluation.sweep_optimizer import SweepOptimWrapperConstructor
from mmmask.models.classifiers import LinearProbe


@pytest.mark.parametrize(
    'counts, share, expected',
    [
        ([20, 30, 50], 0.1, [2, 3, 5]),
        ([15, 15, 10], 0.1, [2, 1, 1]),  # 1.5, 1.5 and 1: four in all, the first class gets it
        ([4, 4, 4], 0.1, [1, 0, 0]),
        ([1, 1, 8], 0.5, [0, 0, 4]),  # the last image of a class stays for training
        ([1300, 732], 0.1, [130, 73]),
    ],
)
def test_the_held_out_tenth_has_exact_counts(counts, share, expected):
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    kept, held = held_out_part(labels, share, seed=0)
    assert np.bincount(labels[held], minlength=len(counts)).tolist() == expected
    assert sorted([*kept, *held]) == list(range(len(labels)))
    again, other = held_out_part(labels, share, seed=0)[1], held_out_part(labels, share, seed=1)[1]
    assert held.tolist() == again.tolist() and (len(held) < 3 or held.tolist() != other.tolist())


CONFIG = """
_base_ = ['{root}/configs/_base_/protocols/linear.py']
pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
model = dict(
    backbone=dict(
        arch=dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
        img_size=16,
        patch_size=8,
        init_cfg=None,
    ),
    n_last_blocks=1,
    num_classes=2,
    token='gap',
    batch_norm=True,
    lrs=(1e-6, 10.0),
    data_preprocessor=dict(mean=[127.0] * 3, std=[60.0] * 3),
)
train_dataloader = dict(
    batch_size=3,
    num_workers=0,
    dataset=dict(type='StrictImageFolder', data_root='{data}/train', pipeline=pipeline),
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(type='StrictImageFolder', data_root='{data}/val', pipeline=pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=4, val_interval=4, held_out=0.25)
param_scheduler = None
"""


@pytest.fixture
def sweep(tmp_path):
    """Colours of two classes, 12 images to train on and 8 to validate on; returns the config."""
    from PIL import Image

    random = np.random.default_rng(0)
    for split, count in (('train', 6), ('val', 4)):
        for name, colour in (('blue', (20, 30, 200)), ('red', (200, 30, 20))):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                image = np.clip(colour + random.integers(-20, 20, (16, 16, 3)), 0, 255)
                path = tmp_path / split / name / f'{i}.png'
                Image.fromarray(image.astype(np.uint8)).save(path)
    path = tmp_path / 'sweep.py'
    path.write_text(CONFIG.format(root=Path(__file__).parents[3], data=tmp_path))
    return path


def test_a_sweep_selects_on_held_out_images(sweep, tmp_path, run_train, run_test, capfd):
    work_dir = str(tmp_path / 'run')
    assert run_train([str(sweep), '--work-dir', work_dir]) == 0
    console = capfd.readouterr().out
    assert '3 of 12 training images are held out' in console
    assert 'lr10 is selected: 100.00 % of 3 held-out training images are right' in console
    result = json.loads((tmp_path / 'run/result.json').read_text())
    assert result['metrics']['linear/top1'] == 100.0
    assert result['metrics']['linear/best_lr'] == 10.0
    assert result['protocol']['selected_on'] == 'held-out training images'
    weights = torch.load(tmp_path / 'run/epoch_4.pth', weights_only=False)['state_dict']
    assert weights['standing'].tolist() == [1, 2]  # a test of the checkpoint reports this probe

    tested = ['--work-dir', str(tmp_path / 'test')]
    assert run_test([str(sweep), str(tmp_path / 'run/epoch_4.pth'), *tested]) == 0
    result = json.loads((tmp_path / 'test/result.json').read_text())
    assert result['protocol']['selected_on'] == 'held-out training images'
    assert result['metrics']['linear/best_lr'] == 10.0


def test_all_images_are_trained_on_without_a_held_out_part(sweep, tmp_path, run_train):
    for options, where in (
        (['train_cfg.select=val'], 'validation'),
        (['model.lrs=[10.0]'], 'nothing: there is one probe'),
    ):
        arguments = ['--work-dir', str(tmp_path / f'to_{where[:3]}'), '--cfg-options', *options]
        assert run_train([str(sweep), *arguments]) == 0
        result = json.loads((tmp_path / f'to_{where[:3]}' / 'result.json').read_text())
        assert result['protocol']['selected_on'] == where
        saved = torch.load(result['output_checkpoint'], weights_only=False)
        assert saved['meta']['iter'] == 16  # 12 images an epoch, not 9


def test_a_probe_that_diverges_is_reported_and_saved_without_nan(sweep, tmp_path, run_train, capfd):
    options = ['model.lrs=[0.1,1e15]', 'model.weight_decays=[1.0]', 'train_cfg.max_epochs=6']
    arguments = ['--work-dir', str(tmp_path / 'run'), '--cfg-options', *options]
    assert run_train([str(sweep), *arguments]) == 0
    assert capfd.readouterr().out.count('lr1e+15 has diverged') == 1
    result = json.loads((tmp_path / 'run/result.json').read_text())
    assert result['metrics']['linear/top1_lr1e+15'] == 0.0
    assert result['metrics']['linear/best_lr'] == 0.1


VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=24),
    img_size=16,
    patch_size=8,
)


def trained(rank=None):
    """Weights and predictions of a sweep; of two ranks each has every second image."""
    torch.manual_seed(0)
    model = LinearProbe(VIT, 3, lrs=(0.1, 1.0), weight_decays=(0.0, 0.01), n_last_blocks=2)
    wrapper = SweepOptimWrapperConstructor(dict(optimizer=dict(type='SGD', momentum=0.9)))(model)
    wrapped = model if rank is None else MMDistributedDataParallel(model)
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        images = torch.randn(6, 3, 16, 16, generator=generator)
        samples = [DataSample().set_gt_label(i % 3) for i in range(6)]
        part = slice(None) if rank is None else slice(rank, None, 2)
        losses = wrapped(images[part], samples[part], mode='loss')
        wrapper.update_params(sum(losses.values()))
    with torch.no_grad():
        return model(images).numpy()


def test_two_ranks_train_what_one_trains():
    expected = trained()
    for found in on_two_ranks(trained):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
