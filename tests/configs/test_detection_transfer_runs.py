"""Every detector of configs/transfer/mmdet trains from a pre-trained checkpoint and is validated.

On a miniature of COCO, with narrow networks and small images: two iterations and four images.
"""

from __future__ import annotations

import functools

import pytest
from config_values import CONFIGS, config
from downstream_runs import TINY, pretrain_tiny, run_downstream

from mmmask.datasets.miniatures import write_miniature

FOLDER = CONFIGS / 'transfer' / 'mmdet'
NAMES = sorted(path.stem for path in FOLDER.glob('*.py'))
CHANNELS = 16
SIZE = (96, 96)
METRICS = {f'coco/{part}_mAP{of}' for part in ('bbox', 'segm') for of in ('', '_50', '_75')}


@pytest.fixture(scope='module')
def coco(tmp_path_factory):
    folder = tmp_path_factory.mktemp('coco')
    write_miniature('coco', folder)
    return folder


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Of a kind of backbone, pre-trained when it is first asked for."""
    return functools.cache(lambda kind: pretrain_tiny(kind, tmp_path_factory.mktemp(kind)))


def small_heads(model):
    """Options for narrow heads that look at few boxes, and give boxes although hardly trained."""
    found = {
        'model.rpn_head.in_channels': CHANNELS,
        'model.rpn_head.feat_channels': CHANNELS,
        'model.roi_head.bbox_roi_extractor.out_channels': CHANNELS,
        'model.roi_head.mask_roi_extractor.out_channels': CHANNELS,
        'model.roi_head.mask_head.num_convs': 1,
        'model.roi_head.mask_head.in_channels': CHANNELS,
        'model.roi_head.mask_head.conv_out_channels': CHANNELS,
        'model.train_cfg.rpn.sampler.num': 32,
        'model.train_cfg.rpn_proposal.nms_pre': 100,
        'model.train_cfg.rpn_proposal.max_per_img': 20,
        'model.test_cfg.rpn.nms_pre': 50,
        'model.test_cfg.rpn.max_per_img': 10,
        'model.test_cfg.rcnn.score_thr': 0.0,
        'model.test_cfg.rcnn.max_per_img': 10,
    }
    stages = model.roi_head.bbox_head
    cascade = isinstance(stages, list)
    for index, head in enumerate(stages if cascade else [stages]):
        stage = f'.{index}' if cascade else ''
        found[f'model.roi_head.bbox_head{stage}.in_channels'] = CHANNELS
        found[f'model.roi_head.bbox_head{stage}.fc_out_channels'] = 32
        if head.type == 'Shared4Conv1FCBBoxHead':
            found[f'model.roi_head.bbox_head{stage}.conv_out_channels'] = CHANNELS
        found[f'model.train_cfg.rcnn{stage}.sampler.num'] = 16
    return found


def small_neck(model, widths):
    """Options for a neck that takes maps of other widths."""
    if not isinstance(model.neck, list):
        single = model.neck.type == 'mmpretrain.SimpleFeaturePyramid'
        return {
            'model.neck.in_channels': widths[-1] if single else widths,
            'model.neck.out_channels': CHANNELS,
        }
    found = {
        'model.neck.0.in_channels': widths[-1],
        'model.neck.1.in_channels': widths,
        'model.neck.1.out_channels': CHANNELS,
    }
    if 'norm_cfg' in model.neck[0]:
        found['model.neck.0.norm_cfg.num_groups'] = 2
    return found


def small_images(pipeline, place):
    """Options for images of `SIZE`, whichever way a pipeline makes them."""
    found = {}
    for index, step in enumerate(pipeline):
        here = f'{place}.{index}'
        for branch, steps in enumerate(step.get('transforms', ())):
            found |= small_images(steps, f'{here}.transforms.{branch}')
        if 'scales' in step:
            found[f'{here}.scales'] = [SIZE, (64, 64)]
        elif 'scale' in step:
            found[f'{here}.scale'] = SIZE
        elif 'crop_size' in step:
            found[f'{here}.crop_size'] = SIZE
    return found


def options_for(cfg):
    kind = 'swin' if 'Swin' in cfg.model.backbone.type else 'vit'
    found = TINY[kind] | small_heads(cfg.model)
    arch = TINY[kind]['model.backbone.arch']
    width = arch['embed_dims']
    found |= small_neck(cfg.model, [width << (stage * (kind == 'swin')) for stage in range(4)])
    for mode in ('train', 'val'):
        dataset, place = cfg[f'{mode}_dataloader'].dataset, f'{mode}_dataloader.dataset'
        if 'dataset' in dataset:
            dataset, place = dataset.dataset, f'{place}.dataset'
        found |= small_images(dataset.pipeline, f'{place}.pipeline')
        found |= {
            f'{mode}_dataloader.num_workers': 0,
            f'{mode}_dataloader.persistent_workers': False,
        }
    if 'Windowed' in cfg.model.backbone.type:  # more than one window, and padding
        found |= {'model.backbone.window_size': 4, 'model.data_preprocessor.pad_size_divisor': 96}
    return found | {'train_dataloader.batch_size': 4, 'train_cfg.max_epochs': 1}


def test_there_are_detectors():
    assert len(NAMES) >= 8


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_trains_from_a_checkpoint(name, checkpoints, coco, tmp_path):
    path = FOLDER / f'{name}.py'
    cfg = config(str(path.relative_to(CONFIGS).with_suffix('')))
    checkpoint = checkpoints('swin' if 'swin' in name else 'vit')
    metrics = run_downstream(path, checkpoint, coco, tmp_path, options_for(cfg))
    assert metrics.keys() >= METRICS
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert 'Epoch(train) [1][2/2]' in log
