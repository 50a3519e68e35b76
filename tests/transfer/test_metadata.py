"""Configs in checkpoints are read, never run."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from tiny_backbones import CONFIG_TEXT

from mmmask.transfer.checkpoint import Checkpoint
from mmmask.transfer.metadata import backbone_config, norm_eps, num_heads, patch_grid


def config_of(text: object) -> dict:
    return backbone_config(Checkpoint('x.pth', OrderedDict(), dict(cfg=text)))


def test_values_of_mmengine_s_text():
    config = config_of(CONFIG_TEXT)
    assert config['type'] == 'MaskedVisionTransformer'
    assert num_heads(config) == 3
    assert patch_grid(config) == (6, 6)


@pytest.mark.parametrize(
    'backbone, heads, grid',
    [
        (dict(type='VisionTransformer', arch='deit-small'), 6, (14, 14)),
        (dict(type='mmpretrain.VisionTransformer'), 12, (14, 14)),  # the class's defaults
        (dict(type='MAEViT', arch='l', img_size=(64, 96), patch_size=32), 16, (2, 3)),
        (dict(type='MaskedVisionTransformer', arch='b', img_size=100), 12, (7, 7)),
        (dict(type='NobodyKnows', img_size=32), None, None),
        (dict(type='ResNet', depth=50), None, None),
        (dict(type='VisionTransformer', embed_dims=12, num_heads=3), 3, None),  # mmseg's own
        (dict(type='VisionTransformer', embed_dims=12, img_size=32, patch_size=8), None, (4, 4)),
        ({}, None, None),
    ],
)
def test_names_and_defaults_come_from_registered_classes(backbone, heads, grid):
    assert num_heads(backbone) == heads
    assert patch_grid(backbone) == grid


@pytest.mark.parametrize(
    'backbone, eps',
    [
        (dict(type='VisionTransformer', arch='b'), 1e-6),
        (dict(type='VisionTransformer', embed_dims=768), None),  # mmseg's own has another default
        (dict(type='VisionTransformer', num_heads=12, norm_cfg=dict(type='LN', eps=1e-6)), 1e-6),
        (dict(type='VisionTransformer', num_heads=12, norm_cfg=dict(type='LN')), 1e-5),
    ],
)
def test_epsilon(backbone, eps):
    assert norm_eps(backbone) == eps


def test_nothing_runs_and_nothing_is_imported(tmp_path):
    text = (
        f"import antigravity\nopen('{tmp_path}/ran', 'w')\n"
        f"model = dict(backbone=dict(type='this.Zen', arch=open('{tmp_path}/ran', 'w')))\n"
    )
    config = config_of(text)
    assert config['type'] == 'this.Zen' and num_heads(config) is None
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize(
    'text', [None, 3, '', 'no python (', 'model = 3', 'x = dict(a=1)', '(' * 5000, 'model = dict()']
)
def test_other_texts_tell_nothing(text):
    assert config_of(text) == {}
