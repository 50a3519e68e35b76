"""Figures of a suite's report, made from a run's own folder."""

import base64
import io
import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from PIL import Image
from tiny_network import SELF_DISTILLATION

from mmmask.benchmark.suite import load_suite
from mmmask.datasets.miniatures import write_miniature
from mmmask.probe import Probe
from mmmask.reports.figures import Context, make_figure
from mmmask.utils.errors import UserError


@pytest.fixture
def context(miniature):
    """A pre-training that is done, and two images beside it."""
    protocols = dict(pretrain=dict(run='train', config='configs/pretrain.py', title='High'))
    tasks = [dict(name='pre', protocol='pretrain')]
    suite = load_suite(miniature.suite(tasks, protocols), miniature.root)
    folder = miniature.work_dir / 'pre'
    folder.mkdir(parents=True)
    config = Config(dict(default_scope='mmpretrain', model=SELF_DISTILLATION))
    config.dump(folder / 'pretrain.py')
    state = Probe('none', config, seed=3).model.state_dict()
    torch.save(dict(state_dict=state, meta={}), folder / 'last.pth')
    result = dict(status='done', output_checkpoint=str(folder / 'last.pth'))
    (folder / 'result.json').write_text(json.dumps(result))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(miniature.root / f'{index}.png')
    return Context(suite, miniature.work_dir, suite.protocols['pretrain'])


def sizes(figure):
    contents = (base64.b64decode(text.partition(',')[2]) for text in figure.drawings)
    return [Image.open(io.BytesIO(content)).size for content in contents]


def test_masks_beside_those_of_another_masker(context):
    spec = dict(type='masks', images='*.png', size=32, others={'blocks': dict(type='BlockMasker')})
    figure = make_figure(context, spec)
    ((width, height),) = sizes(figure)
    # 32 pixels are shown five times as large: 160; image, scores, two maskers; two images.
    assert 4 * 160 < width < 4 * 160 + 200 and 2 * 160 < height < 2 * 160 + 120
    assert 'the 4 x 4 patches of an image of 32 pixels' in figure.caption


def test_attention_before_and_after_training(context):
    figure = make_figure(context, dict(type='attention', images='*.png', size=32, count=1))
    ((width, height),) = sizes(figure)
    # The image, the mean and two heads; a row for the untrained and one for the trained network.
    assert 4 * 160 < width < 4 * 160 + 250 and 2 * 160 < height < 2 * 160 + 120
    assert 'untrained' in figure.caption and figure.caption.endswith('network is pre.')


def test_patches_before_and_after_training(context):
    figure = make_figure(context, dict(type='patches', images='*.png', size=32, count=2))
    ((width, height),) = sizes(figure)
    # The image, the untrained and the trained network; two images.
    assert 3 * 160 < width < 3 * 160 + 200 and 2 * 160 < height < 2 * 160 + 120
    assert figure.caption.endswith('network is pre.')


@pytest.fixture
def tested(miniature, tiny_data):
    """Two tests of k-NN that are done, of an untrained network and of a file."""
    protocols = dict(
        knn=dict(run='test', config='configs/knn.py', title='k-NN', baseline='untrained')
    )
    arms = ('untrained', 'trained')
    tasks = [
        dict(
            name=arm,
            protocol='knn',
            arm=arm,
            seed=0,
            weights='none' if arm == arms[0] else 'file.pth',
        )
        for arm in arms
    ]
    config = Config.fromfile('configs/demo/knn_vit-demo_material-scenes.py')
    config.model.backbone.arch = SELF_DISTILLATION['backbone']['arch']
    for part in (config.test_dataloader, config.test_cfg.bank_dataloader):
        part.dataset.data_root = str(tiny_data)
    torch.manual_seed(1)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        backbone = MODELS.build(config.model.backbone)
    backbone.init_weights()
    state = {f'backbone.{name}': value for name, value in backbone.state_dict().items()}
    torch.save(dict(state_dict=state, meta={}), miniature.root / 'file.pth')
    suite = load_suite(miniature.suite(tasks, protocols), miniature.root)
    for arm, checkpoint in zip(arms, (None, 'file.pth')):
        folder = miniature.work_dir / arm
        folder.mkdir(parents=True)
        config.dump(folder / 'knn.py')
        result = dict(status='done', checkpoint=checkpoint)
        (folder / 'result.json').write_text(json.dumps(result))
    return Context(suite, miniature.work_dir, suite.protocols['knn'])


def test_videos_of_a_finished_suite(miniature, run_test, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    write_miniature('davis2017', miniature.root / 'davis2017')
    config = Config.fromfile('configs/demo/davis_vit-demo_miniature.py')
    config.model.backbone.arch = dict(
        embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16
    )
    config.test_dataloader.dataset.data_root = str(miniature.root / 'davis2017')
    config.test_cfg.update(size=48, multiple=8)
    config.dump(miniature.root / 'configs/davis.py')
    protocols = dict(
        davis=dict(run='test', config='configs/davis.py', title='DAVIS', baseline='untrained')
    )
    tasks = [
        dict(name=arm, protocol='davis', arm=arm, seed=0, weights='none')
        for arm in ('untrained', 'other')
    ]
    suite = load_suite(miniature.suite(tasks, protocols), miniature.root)
    for task in tasks:
        words = ['none', '--work-dir', str(miniature.work_dir / task['name'])]
        words += ['--seed', str(len(task['name']))]  # another network
        assert run_test([str(miniature.root / 'configs/davis.py'), *words]) == 0
    context = Context(suite, miniature.work_dir, suite.protocols['davis'])
    figure = make_figure(context, dict(type='videos', count=2, frames=3))
    ((width, height),) = sizes(figure)
    # Three frames of 200 x 120 pixels; two videos, each annotated and by two networks.
    assert 3 * 200 < width < 3 * 200 + 300 and 6 * 120 < height < 6 * 120 + 300
    same = make_figure(context, dict(type='videos', count=2, frames=3))
    assert figure.drawings == same.drawings
    first, second = (miniature.work_dir / name / 'davis' for name in ('untrained', 'other'))
    shutil.rmtree(second)
    shutil.copytree(first, second)
    changed = make_figure(context, dict(type='videos', count=2, frames=3))
    assert figure.drawings != changed.drawings  # the masks are each network's own
    shutil.rmtree(second)
    with pytest.raises(UserError, match='other/davis/.*cannot be read'):
        make_figure(context, dict(type='videos', count=2, frames=3))


@pytest.mark.parametrize('kind', ['neighbours', 'confusion', 'plane'])
def test_frozen_features_of_every_arm(tested, kind):
    figure = make_figure(tested, dict(type=kind))
    assert len(figure.drawings) == 2 and min(min(size) for size in sizes(figure)) > 100
    assert 'untrained' in figure.caption and 'trained' in figure.caption
    assert len(list((tested.work_dir / 'features').glob('*.safetensors'))) == 4
