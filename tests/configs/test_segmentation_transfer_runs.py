"""Every segmenter of configs/transfer/mmseg trains from a pre-trained checkpoint and is validated.

On miniatures of ADE20K and Cityscapes, with narrow networks and small crops: two iterations.
"""

from __future__ import annotations

import functools

import pytest
from config_values import CONFIGS, config
from downstream_runs import TINY, pretrain_tiny, run_downstream

from mmmask.datasets.miniatures import write_miniature

FOLDER = CONFIGS / 'transfer' / 'mmseg'
NAMES = sorted(path.stem for path in FOLDER.glob('*.py'))
CROP = (64, 64)
CHANNELS = 16


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """The folder of a data set, written when it is first asked for."""

    @functools.cache
    def write(layout):
        folder = tmp_path_factory.mktemp(layout)
        write_miniature(layout, folder)
        return folder

    return write


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Of a kind of backbone, pre-trained when it is first asked for."""
    return functools.cache(lambda kind: pretrain_tiny(kind, tmp_path_factory.mktemp(kind)))


def narrow(model, widths):
    """Options for narrow necks and heads on maps of these widths."""
    found = {}
    head = model.decode_head
    if head.get('input_transform') == 'resize_concat':
        return {
            'model.decode_head.in_channels': widths,
            'model.decode_head.channels': sum(widths),
        }
    maps = widths
    neck = model.get('neck')
    if isinstance(neck, list):
        maps = [CHANNELS] * 4
        found = {
            'model.neck.0.in_channels': widths[-1],
            'model.neck.1.in_channels': widths,
            'model.neck.1.out_channels': CHANNELS,
        }
    elif neck is not None and neck.type == 'MLANeck':
        maps = [CHANNELS] * 4
        found = {'model.neck.in_channels': widths, 'model.neck.out_channels': CHANNELS}
        found['model.decode_head.mla_channels'] = CHANNELS // 4
    elif neck is not None:
        found = {'model.neck.in_channels': widths[-1]}
    several = isinstance(head.in_index, (list, tuple))
    found['model.decode_head.in_channels'] = maps if several else maps[-1]
    found['model.decode_head.channels'] = CHANNELS
    auxiliary = model.get('auxiliary_head')
    for index, other in enumerate(auxiliary if isinstance(auxiliary, list) else [auxiliary]):
        if other is not None:
            place = 'model.auxiliary_head' + (f'.{index}' if isinstance(auxiliary, list) else '')
            found[f'{place}.in_channels'] = maps[other.in_index]
            found[f'{place}.channels'] = CHANNELS
    return found


def options_for(cfg):
    kind = 'swin' if 'Swin' in cfg.model.backbone.type else 'vit'
    width = TINY[kind]['model.backbone.arch']['embed_dims']
    widths = [width << (stage * (kind == 'swin')) for stage in range(4)]
    found = TINY[kind] | narrow(cfg.model, widths)
    found |= {
        'model.backbone.img_size': CROP[0],
        'model.data_preprocessor.size': CROP,
        'train_dataloader.batch_size': 2,
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
    }
    if cfg.model.test_cfg.mode == 'slide':
        found |= {'model.test_cfg.crop_size': CROP, 'model.test_cfg.stride': CROP}
    for mode in ('train', 'val'):
        found |= {
            f'{mode}_dataloader.num_workers': 0,
            f'{mode}_dataloader.persistent_workers': False,
        }
        for index, step in enumerate(cfg[f'{mode}_dataloader'].dataset.pipeline):
            place = f'{mode}_dataloader.dataset.pipeline.{index}'
            if 'crop_size' in step:
                found[f'{place}.crop_size'] = CROP
            elif 'scale' in step:
                found[f'{place}.scale'] = (128, 64)
    return found


def test_there_are_segmenters():
    assert len(NAMES) >= 14


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_trains_from_a_checkpoint(name, checkpoints, data, tmp_path):
    path = FOLDER / f'{name}.py'
    cfg = config(str(path.relative_to(CONFIGS).with_suffix('')))
    checkpoint = checkpoints('swin' if 'swin' in name else 'vit')
    folder = data('cityscapes' if 'cityscapes' in name else 'ade20k')
    metrics = run_downstream(path, checkpoint, folder, tmp_path, options_for(cfg))
    assert metrics.keys() >= {'mIoU', 'mAcc', 'aAcc'}
