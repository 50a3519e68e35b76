"""Figures of a suite's report, made from a run's own folder."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from tiny_network import SELF_DISTILLATION

from mmmask.benchmark.figures import Context, make_figure
from mmmask.benchmark.suite import load_suite
from mmmask.probe import Probe


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
