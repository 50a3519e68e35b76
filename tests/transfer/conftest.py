"""Tiny checkpoints as pre-training saves them."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer, MMLogger
from mmpretrain.registry import MODELS

import mmmask  # noqa: F401

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


@pytest.fixture(scope='session')
def student() -> torch.nn.Module:
    return randomise(build_vit('MaskedVisionTransformer'), 0)


@pytest.fixture(scope='session')
def teacher() -> torch.nn.Module:
    return randomise(build_vit('MaskedVisionTransformer'), 1)


@pytest.fixture(scope='session')
def content(student, teacher) -> dict:
    """What mmengine's hook saves of ``SelfDistillation``."""
    history = HistoryBuffer()
    history.update(1.0)
    state_dict = below('backbone.', student)
    state_dict['neck.mlp.0.weight'] = torch.zeros(2, 2)
    state_dict['head.center'] = torch.zeros(1, 2)
    state_dict.update(below('teacher.backbone.', teacher))
    state_dict['teacher.neck.mlp.0.weight'] = torch.zeros(2, 2)
    return dict(
        meta=dict(cfg=CONFIG_TEXT, seed=0),
        state_dict=state_dict,
        message_hub=dict(log_scalars=dict(loss=history)),
    )


@pytest.fixture(scope='session')
def checkpoint(content, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('pretraining') / 'epoch_1.pth'
    torch.save(content, path)
    return path


@pytest.fixture
def log(tmp_path) -> list[str]:
    """Messages of mmengine's logger."""
    lines: list[str] = []
    logger = MMLogger.get_current_instance()
    original = logger.callHandlers

    def keep(record) -> None:
        lines.append(record.getMessage())
        original(record)

    logger.callHandlers = keep
    yield lines
    logger.callHandlers = original
