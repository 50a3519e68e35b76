"""Downstream configs run for real: a tiny pre-training of this project, then a short training.

Both go through the launcher, in this process. A fixture makes the checkpoint and the data once;
each test runs one config::

    @pytest.fixture(scope='module')
    def vit(tmp_path_factory):
        return pretrain_tiny('vit', tmp_path_factory.mktemp('vit'))

    @pytest.mark.slow
    def test_it(vit, coco, tmp_path):
        options = {**TINY['vit'], 'train_cfg.max_epochs': 1}
        metrics = run_downstream(CONFIGS / 'x.py', vit, coco, tmp_path, options)
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from config_values import CONFIGS
from config_values import config as config_of
from fresh_start import forget_earlier_runs
from mmengine.config import Config
from PIL import Image

from mmmask.commands.main import run_command

# The backbones of both halves, as cfg-options: a downstream config takes them as they are. A ViT
# keeps its twelve blocks, which the pyramids count on.
TINY: dict[str, dict[str, Any]] = {
    'vit': {
        'model.backbone.arch': dict(
            embed_dims=24, num_layers=12, num_heads=2, feedforward_channels=48
        ),
        'model.backbone.patch_size': 16,
    },
    'swin': {
        'model.backbone.arch': dict(embed_dims=8, depths=[1, 1, 2, 1], num_heads=[1, 1, 2, 2]),
        'model.backbone.window_size': 7,
        'model.backbone.patch_size': 4,
    },
}
# Self-distillation with masks, from images of 64 x 64.
_PRETRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    'vit': ('ibot_vit-demo_material-scenes.py', {'model.neck.in_channels': 24}),
    'swin': (
        'mst_swin-demo_material-scenes.py',
        {
            'model.neck.in_channels': 64,
            'model.restoration.decoder.in_channels': 64,
            'model.restoration.decoder.stride': 32,
            'model.restoration.decoder.channels': [8] * 5,
        },
    ),
}


def pretrain_tiny(kind: str, folder: Path, **sizes: Any) -> Path:
    """Pre-train a backbone for four iterations on eight random images.

    Args:
        kind: ``'vit'`` (iBOT) or ``'swin'`` (MST), of the sizes in `TINY`.
        folder: For images and the run, empty.
        **sizes: Arguments of the backbone that replace those, e.g. ``patch_size=8``. A swin's
            are MST's, whose decoder wants the last stage 64 wide and of stride 32.

    Returns:
        The checkpoint, as the run left it.
    """
    generator = np.random.default_rng(0)
    for index in range(8):
        image = folder / 'images' / 'train' / 'all' / f'{index}.png'
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (64, 64, 3), np.uint8)).save(image)
    name, options = _PRETRAININGS[kind]
    options = TINY[kind] | options
    options |= {f'model.backbone.{key}': value for key, value in sizes.items()}
    if kind == 'vit':
        options['model.neck.in_channels'] = options['model.backbone.arch']['embed_dims']
    options |= {
        'model.backbone.img_size': sizes.get('img_size', 64),
        'train_dataloader.batch_size': 4,
        'train_dataloader.dataset.data_root': str(folder / 'images'),
        'train_dataloader.dataset.pipeline.1.global_size': sizes.get('img_size', 64),
        'train_dataloader.dataset.pipeline.1.local_size': sizes.get('img_size', 64) // 2,
        'train_cfg.max_epochs': 2,
        'default_hooks.knn': None,
    }
    work_dir = folder / 'run'
    _train(CONFIGS / 'demo' / name, work_dir, options)
    return Path(json.loads((work_dir / 'result.json').read_text())['output_checkpoint'])


def run_downstream(
    config: Path, checkpoint: Path | None, data_root: Path, work_dir: Path, options: dict[str, Any]
) -> dict[str, float]:
    """Train a config of ``configs/transfer`` from a checkpoint, with its validation.

    The process works in ``work_dir`` meanwhile, where the path that the config calls its data root
    leads to ``data_root``: the config's own paths are used, as they are.

    Asserts that the launcher ends well, that the whole backbone came from the checkpoint and was
    compared with its source, that every loss that was logged is finite, and that there are metrics.

    Args:
        config: The file.
        checkpoint: What ``model.backbone.init_cfg.checkpoint`` becomes; None: the options say what
            becomes of it.
        data_root: The data set, laid out as the config wants it.
        work_dir: Of the run, empty.
        options: Values of ``--cfg-options`` by dotted key, also dicts, which replace what the
            config has; `TINY` has the backbone's. The length of the training is among them.

    Returns:
        The metrics of the last validation.
    """
    options = {'default_hooks.logger.interval': 1} | options
    if checkpoint is not None:
        options['model.backbone.init_cfg.checkpoint'] = str(checkpoint.resolve())
    place = work_dir / _data_root(config_of(str(config.relative_to(CONFIGS).with_suffix(''))))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(data_root.resolve(), target_is_directory=True)
    with contextlib.chdir(work_dir):
        _train(config, Path('run'), options)
    run = work_dir / 'run'
    (log,) = [path.read_text() for path in run.glob('*/*.log')]
    if checkpoint is not None:
        assert _whole_backbone(log), 'no line "loaded n of n tensors"'
        assert re.search('model.backbone against .* largest relative difference', log)
    losses = _losses(run)
    assert losses and all(map(math.isfinite, losses)), losses
    metrics = json.loads((run / 'result.json').read_text())['metrics']
    assert metrics and all(map(math.isfinite, metrics.values())), metrics
    return metrics


def _train(config: Path, work_dir: Path, options: dict[str, Any]) -> None:
    """``mmmask train CONFIG --work-dir WORK_DIR --cfg-options ...``.

    The command line takes no dicts: those go into a config that inherits the given one, where they
    replace its values.
    """
    dicts = {key: value for key, value in options.items() if isinstance(value, dict)}
    if dicts:
        work_dir.parent.mkdir(parents=True, exist_ok=True)
        child = work_dir.parent / config.name
        lines = [f'_base_ = {str(config)!r}']
        for place, value in _nested(dicts).items():
            lines.append(f'{place} = {value!r}')
        child.write_text('\n'.join(lines) + '\n')
        config = child
    given = [f'{key}={_spell(v)}' for key, v in options.items() if key not in dicts]
    arguments = [str(config), '--work-dir', str(work_dir), '--cfg-options', *given]
    forget_earlier_runs()
    # Half of a run's time would go into laying out the config's text, six times over.
    with mock.patch('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False)):
        assert run_command('train', arguments) == 0


def _nested(dicts: dict[str, dict]) -> dict[str, Any]:
    """From dotted keys to dicts of dicts, whose innermost replace what they inherit."""
    tree: dict[str, Any] = {}
    for key, value in dicts.items():
        *parents, leaf = key.split('.')
        node = tree
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = dict(_delete_=True, **value)
    return tree


def _spell(value: Any) -> str:
    """A value as the command line takes it."""
    return value if isinstance(value, str) else repr(value).replace(' ', '')


def _data_root(cfg: Config) -> str:
    """The folder of a config's training data: ``data_root``, or what upstream has in its place."""
    dataset = cfg.train_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return (dataset.get('data_root') or dataset.data_prefix).rstrip('/')


def _whole_backbone(log: str) -> bool:
    """Look for the initialiser's line 'loaded n of n'.

    But for what a Swin computes itself (indices of positions), or has for outputs only (norms), for
    the new norm behind the mean of the patches, and for relative positions of windowed ViTs.
    """
    found = re.search(r'loaded (\d+) of (\d+) tensors of \w+ from .*', log)
    if not found:
        return False
    left = re.search(r'left (\d+) as initialised \((.*)\)', found[0])
    count, names = (int(left[1]), left[2].split(', ')) if left else (0, [])
    own = r'(norm[0-2]|ln2)\..*|.*\.relative_position_index|.*relative_positions\..*|\.{3}'
    known = all(re.fullmatch(own, name) for name in names)
    return known and int(found[1]) + count == int(found[2])


def _losses(run: Path) -> list[float]:
    """Every loss in the run's record."""
    (record,) = run.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    return [line['loss'] for line in lines if 'loss' in line]
