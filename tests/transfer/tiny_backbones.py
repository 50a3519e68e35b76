"""Tiny backbones and the parts of checkpoints."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from mmpretrain.registry import MODELS

from mmmask.utils.errors import UserError

ARCH = dict(embed_dims=12, num_layers=3, num_heads=3, feedforward_channels=24)
VIT = dict(arch=ARCH, img_size=48, patch_size=8)
CONFIG_TEXT = f"""
import os
default_scope = 'mmpretrain'
model = dict(
    backbone=dict(
        arch={ARCH},
        img_size=48,
        patch_size=8,
        type='MaskedVisionTransformer'),
    head=dict(patch_weight=1.0, type='SelfDistillationHead'),
    type='SelfDistillation')
"""


def build_vit(type: str = 'VisionTransformer', **options) -> torch.nn.Module:
    return MODELS.build(dict(type=f'mmpretrain.{type}', **{**VIT, **options}))


def randomise(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
    return module


def below(prefix: str, module: torch.nn.Module) -> OrderedDict:
    return OrderedDict((prefix + name, value) for name, value in module.state_dict().items())


def load(checkpoint, type='VisionTransformer', init_cfg=None, **options):
    init_cfg = init_cfg or {}
    if isinstance(init_cfg, dict):
        init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint), **init_cfg)
    vit = build_vit(type, init_cfg=init_cfg, **options)
    vit.init_weights()
    return vit


def message_of(*args, **kwargs) -> str:
    with pytest.raises(UserError) as error:
        load(*args, **kwargs)
    text = str(error.value)
    assert '\n' not in text
    return text


def assert_same(vit, source, but=()):
    theirs = source.state_dict()
    for name, value in vit.state_dict().items():
        assert name in but or torch.equal(value, theirs[name]), name


def line(log) -> str:
    (found,) = [text for text in log if text.startswith('loaded ')]
    return found


def save(tmp_path, state_dict, text=None):
    meta = dict(cfg=text) if text else {}
    torch.save(dict(state_dict=state_dict, meta=meta), tmp_path / 'c.pth')
    return tmp_path / 'c.pth'
