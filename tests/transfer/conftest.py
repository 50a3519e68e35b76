"""Tiny checkpoints as pre-training saves them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer, MMLogger
from tiny_backbones import CONFIG_TEXT, below, build_vit, randomise


@pytest.fixture(scope='session')
def student() -> torch.nn.Module:
    return randomise(build_vit('MaskedVisionTransformer'), 0)


@pytest.fixture(scope='session')
def teacher() -> torch.nn.Module:
    return randomise(build_vit('MaskedVisionTransformer'), 1)


@pytest.fixture(scope='session')
def content(student, teacher) -> dict:
    """The file that mmengine's hook saves of ``SelfDistillation``."""
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
def log() -> list[str]:
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
