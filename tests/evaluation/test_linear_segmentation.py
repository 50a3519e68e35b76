"""DINOv2's linear segmentation trains on a frozen checkpoint and is measured at a named size."""

import json

import numpy as np
import pytest
import torch
from frozen_checkpoints import CONFIGS, write_foreign, write_ours
from PIL import Image

from mmmask.datasets.miniatures.material import scene

CONFIG = str(CONFIGS / 'demo/linear-seg_vit-demo_material-scenes.py')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('scenes')
    for split in ('train', 'val'):
        for index in range(2):
            picture = scene(split, index, 64)
            for kind, pixels in (('images', picture.image), ('annotations', picture.label_map())):
                place = folder / kind / split
                place.mkdir(parents=True, exist_ok=True)
                suffix = 'jpg' if kind == 'images' else 'png'
                Image.fromarray(pixels).save(place / f'{index:05d}.{suffix}')
    return folder


@pytest.mark.parametrize('write', [write_ours, write_foreign])
def test_the_backbone_stays_and_the_head_learns(write, root, tmp_path, run_train):
    checkpoint = write(tmp_path)
    options = [
        f'model.backbone.init_cfg.checkpoint={checkpoint}',
        'train_cfg.max_iters=2',
        'train_cfg.val_interval=2',
        'train_dataloader.batch_size=2',
        'val_evaluator.size=100',
        'default_hooks.checkpoint.interval=2',
        *(f'{mode}_dataloader.dataset.data_root={root}' for mode in ('train', 'val')),
    ]
    run = tmp_path / 'run'
    assert run_train([CONFIG, '--work-dir', str(run), '--cfg-options', *options]) == 0
    result = json.loads((run / 'result.json').read_text())
    assert np.isfinite(result['metrics']['mIoU'])
    assert result['protocol']['compared_size'] == [100, 100]
    trained = torch.load(run / 'iter_2.pth', weights_only=False)['state_dict']
    before = torch.load(checkpoint, weights_only=False)
    names = {'teacher.backbone.layers.0.attn.qkv.weight', 'blocks.0.attn.qkv.weight'}
    source = before.get('state_dict', before)
    (weight,) = (source[name] for name in names if name in source)
    assert torch.equal(trained['backbone.layers.0.attn.qkv.weight'], weight)
    assert trained['decode_head.bn.num_batches_tracked'] == 2
    assert trained['decode_head.bn.bias'].any()
