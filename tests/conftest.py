"""Shared by tests: a run that takes a second, and the launchers in this process."""

from __future__ import annotations

import gc
import os

# Before torch is imported: two processes at default threads slow each other down thirtyfold.
os.environ.setdefault('OMP_NUM_THREADS', '1')

from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from fresh_start import forget_earlier_runs  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from PIL import Image  # noqa: E402

import mmmask.registration  # noqa: E402, F401
from mmmask import compat  # noqa: E402

# Tests replace a function of yapf, which processes that start together must not import at once.
compat.import_yapf()

# mmengine collects garbage for each data set that it builds. It need not search all imports then.
gc.freeze()

ROOT = Path(__file__).resolve().parents[1]

# A run that takes a second: a small ViT classifies twelve images of two classes.
CONFIG = """
_base_ = '{root}/configs/_base_/default_runtime.py'
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='VisionTransformer',
        arch=dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16),
        img_size=16,
        patch_size=8,
        drop_rate=0.1,
    ),
    head=dict(
        type='LinearClsHead',
        num_classes=2,
        in_channels=8,
        loss=dict(type='CrossEntropyLoss'),
        topk=1,
    ),
)
data_preprocessor = dict(num_classes=2, mean=[127.0] * 3, std=[60.0] * 3)
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=16),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(type='CustomDataset', data_root='{data}/train', pipeline=pipeline),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(type='CustomDataset', data_root='{data}/val', pipeline=pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=1)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
"""


def write_images(folder: Path) -> None:
    """Twelve images of two classes, for training and again for validation."""
    generator = np.random.default_rng(0)
    for split in ('train', 'val'):
        for brightness, name in ((255, 'bright'), (90, 'dark')):
            (folder / split / name).mkdir(parents=True)
            for index in range(6):
                pixels = (generator.random((24, 24, 3)) * brightness).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f'{index}.png')


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory) -> Path:
    """Folder with ``train`` and ``val``."""
    folder = tmp_path_factory.mktemp('data')
    write_images(folder)
    return folder


@pytest.fixture
def tiny_config(tmp_path, tiny_data) -> Path:
    """Path of the config."""
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG.format(root=ROOT, data=tiny_data))
    return path


@pytest.fixture(autouse=True)
def project_scope() -> None:
    """Every test starts in this project's scope, not in that of the run before it."""
    DefaultScope._instance_dict.clear()
    DefaultScope.get_instance('tests', scope_name='mmpretrain')


@pytest.fixture
def run_train() -> Callable[[list[str]], int]:
    """``mmmask train`` in this process: arguments -> exit status."""
    from mmmask.commands.main import run_command

    def run(arguments: list[str]) -> int:
        forget_earlier_runs()
        return run_command('train', arguments)

    return run


@pytest.fixture
def run_test() -> Callable[[list[str]], int]:
    """``mmmask test`` in this process: arguments -> exit status."""
    from mmmask.commands.main import run_command

    def run(arguments: list[str]) -> int:
        forget_earlier_runs()
        return run_command('test', arguments)

    return run
