"""Every way to say that a checkpoint is read, recognised in one place."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import PretrainedInit

from mmmask.config.init_cfg import mark_loaded, pretrained_of, was_loaded, with_plain_names
from mmmask.transfer import Pretrained

TYPES = ['Pretrained', 'mmengine.Pretrained', 'mmpretrain.Pretrained', PretrainedInit, Pretrained]
OTHER = dict(type='TruncNormal', layer='Linear', std=0.02)


@pytest.mark.parametrize('kind', TYPES)
def test_every_name_of_it(kind):
    entry = ConfigDict(type=kind, checkpoint='a.pth')
    assert pretrained_of(entry) is entry
    assert pretrained_of([entry, OTHER]) is entry
    assert with_plain_names(entry) == dict(type='Pretrained', checkpoint='a.pth')
    plain = [OTHER, dict(type='Pretrained', checkpoint='a.pth')]
    assert with_plain_names((OTHER, entry)) == plain


def test_the_last_of_several():
    first, last = (dict(type='Pretrained', checkpoint=name) for name in 'ab')
    assert pretrained_of([first, last, OTHER]) is last


@pytest.mark.parametrize(
    'other', [None, 'Pretrained', {}, [], OTHER, [OTHER, None], ['Pretrained']]
)
def test_others(other):
    assert pretrained_of(other) is None
    assert with_plain_names(other) == other


def test_the_mark_of_a_module():
    module = torch.nn.Linear(1, 1)
    assert not was_loaded(module)
    mark_loaded(module, 'a.pth')
    assert was_loaded(module)
