"""Made-up folders of runs, as train and test leave them."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
from mmengine.config import Config
from safetensors.numpy import save_file

KNN = dict(
    work_dir='somewhere',
    model=dict(backbone=dict(arch='small', img_size=64, init_cfg=None)),
    test_dataloader=dict(
        batch_size=64,
        num_workers=2,
        dataset=dict(data_root='data', pipeline=[dict(type='Load'), dict(type='Resize', scale=64)]),
    ),
    test_cfg=dict(type='KNNLoop', k=[10, 20], bank_dataloader=dict(batch_size=8)),
    test_evaluator=[],
    randomness=dict(seed=0),
)
LINEAR = dict(
    model=dict(
        backbone=dict(arch='small', init_cfg=None),
        lrs=[0.01, 0.1, 1.0],
    ),
    train_dataloader=dict(batch_size=32, num_workers=2, dataset=dict(data_root='data')),
    val_dataloader=dict(batch_size=32, dataset=dict(data_root='data')),
    val_evaluator=dict(type='SweepAccuracy'),
    train_cfg=dict(max_epochs=6, val_interval=6),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
    default_hooks=dict(logger=dict(interval=50), checkpoint=dict(interval=1)),
    randomness=dict(seed=0),
)
PRETRAINING = dict(
    model=dict(
        backbone=dict(arch='small', img_size=64, patch_size=8, init_cfg=None),
        masker=dict(type='BlockMasker', ratio=0.3),
    ),
    train_dataloader=dict(batch_size=32, dataset=dict(data_root='data')),
    train_cfg=dict(max_epochs=9),
    optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.1)),
    default_hooks=dict(knn=dict(type='KNNHook', bank_dataloader=dict(), k=20)),
    randomness=dict(seed=0),
)
DATA = dict(
    test=dict(images=600, folder='data/val', sha256='ab' * 32),
    bank=dict(images=2400, folder='data/train', sha256='cd' * 32),
)


def changed(config: dict, **options) -> dict:
    """Return a config with other values, by dotted keys that have ``__`` for dots."""
    config = deepcopy(config)
    for key, value in options.items():
        *parents, last = key.split('__')
        node = config
        for parent in parents:
            node = node[int(parent)] if isinstance(node, list) else node.setdefault(parent, {})
        node[last] = value
    return config


def write_run(
    folder: Path,
    metrics: dict,
    config: dict | None = KNN,
    name: str = 'configs/knn.py',
    seed: int = 0,
    started: str = '2026-01-02T00:00:00+00:00',
    outcomes: dict | None = None,
    **result,
) -> Path:
    """Write a folder; a config with a training's settings is that of a training."""
    folder.mkdir(parents=True)
    command = 'train' if config and 'train_cfg' in config else 'test'
    content = dict(
        status='done',
        config=name,
        metrics=metrics,
        seed=seed,
        checkpoint=None,
        checkpoint_sha256=None,
        output_checkpoint=str(folder / 'epoch_9.pth') if command == 'train' else None,
        command=f'mmmask {command} {name} --work-dir {folder}',
        versions=dict(mmmask='0.1', torch='2.10'),
        started=started,
        duration_s=100.0,
        data=DATA,
    )
    content.update(result)
    (folder / 'result.json').write_text(json.dumps(content))
    if config is not None:
        (folder / Path(name).name).write_text(Config(config).pretty_text)
    if outcomes:
        save_file({k: np.float32(v) for k, v in outcomes.items()}, folder / 'outcomes.safetensors')
    return folder


def write_pretraining(folder: Path, seed: int, name: str = 'configs/ibot.py', **options) -> str:
    """Write the folder of a pre-training; return its checkpoint."""
    config = changed(PRETRAINING, randomness__seed=seed, **options)
    started = '2026-01-01T00:00:00+00:00'
    write_run(folder, {}, config, name, seed, started)
    return str(folder / 'epoch_9.pth')
