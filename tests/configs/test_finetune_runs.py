"""Every fine-tuning config trains two iterations and is validated, from this project's checkpoint.

Small, on miniatures of the data sets in their published layouts: the network is narrow, images have
96 px. Pre-training saw 64, so position embeddings are resized.
"""

import json

import pytest
from config_values import CONFIGS, config
from downstream_runs import TINY, pretrain_tiny, run_downstream

from mmmask.datasets.miniatures import write_miniature

FOLDER = CONFIGS / 'transfer' / 'mmpretrain'
CONV = FOLDER / 'finetune-gpa_conv-small_8xb128-coslr-100e_in1k.py'
PATHS = sorted(set(FOLDER.glob('*.py')) - {CONV})
SIZE, IMAGES = 96, 8
LAYOUTS = dict(in1k='imagenet', inat2018='inaturalist2018', inat2019='inaturalist2019')


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return pretrain_tiny('vit', tmp_path_factory.mktemp('pretraining'))


@pytest.fixture(scope='module')
def miniature(tmp_path_factory):
    """Folder of a data set's miniature by the name that configs end with, written once."""
    written = {}

    def folder(data):
        if data not in written:
            written[data] = tmp_path_factory.mktemp(data)
            write_miniature(LAYOUTS.get(data, data), written[data])
        return written[data]

    return folder


def num_classes(cfg, folder):
    """Count the classes of the miniature."""
    kind = cfg.train_dataloader.dataset.type
    if kind == 'StrictImageFolder':
        return sum(1 for path in (folder / 'train').iterdir() if path.is_dir())
    if kind == 'INaturalist':
        content = json.loads(
            (folder / f'train{cfg.train_dataloader.dataset.year}.json').read_text()
        )
        return len(content['categories'])
    return cfg.model.head.num_classes


def small_data(cfg, classes):
    """Options: eight images in one batch, of 96 px in place of 224."""
    options = {}
    for mode in ('train', 'val', 'test'):
        loader = f'{mode}_dataloader'
        options[f'{loader}.batch_size'] = IMAGES
        options[f'{loader}.num_workers'] = 0
        options[f'{loader}.dataset.indices'] = IMAGES
        if cfg[loader].dataset.type.startswith('CIFAR'):  # the miniature has other MD5 sums
            options[f'{loader}.dataset.type'] = f'Local{cfg[loader].dataset.type}'
        if 'num_classes' in cfg[loader].dataset:
            options[f'{loader}.dataset.num_classes'] = classes
        for index, step in enumerate(cfg[loader].dataset.pipeline):
            for name, value in ((k, v) for k, v in step.items() if k in ('scale', 'crop_size')):
                options[f'{loader}.dataset.pipeline.{index}.{name}'] = value * SIZE // 224
    return options


def tune(path, checkpoint, folder, work_dir, width, backbone):
    """Run a config for two iterations, with a validation."""
    cfg = config(str(path.relative_to(CONFIGS).with_suffix('')))
    classes = num_classes(cfg, folder)
    options = {
        **backbone,
        **small_data(cfg, classes),
        'model.backbone.img_size': SIZE,
        'model.head.in_channels': width,
        'model.head.num_classes': classes,
        'data_preprocessor.num_classes': classes,
        'val_evaluator.topk': (1,),
        'train_cfg.max_epochs': 2,
        'train_cfg.val_interval': 2,
        'param_scheduler.0.end': 1,
        'param_scheduler.1.begin': 1,
    }
    metrics = run_downstream(path, checkpoint, folder, work_dir, options)
    assert 0 <= metrics['accuracy/top1'] <= 100


@pytest.mark.slow
@pytest.mark.parametrize('path', PATHS, ids=lambda path: path.stem)
def test_trains_and_validates(path, checkpoint, miniature, tmp_path):
    folder = miniature(path.stem.rpartition('_')[2])
    tune(path, checkpoint, folder, tmp_path, 24, TINY['vit'])


@pytest.mark.slow
def test_convmae_trains_and_validates(miniature, tmp_path, run_train):
    """Pre-trained by the demo's config at the strides of the papers' sizes."""
    demo = FOLDER.parents[1] / 'demo' / 'convmae_conv-demo_material-scenes.py'
    arch = config('demo/convmae_conv-demo_material-scenes').model.backbone.arch.to_dict()
    options = {
        'model.backbone.strides': '(4,2,2)',
        'model.backbone.img_size': 64,
        'model.neck.patch_size': 16,
        'model.neck.num_patches': 16,
        'model.head.patch_size': 16,
        'train_dataloader.batch_size': 4,
        'train_dataloader.dataset.data_root': miniature('in1k'),
        'train_dataloader.dataset.indices': IMAGES,
        'train_dataloader.dataset.pipeline.1.scale': 64,
        'train_cfg.max_epochs': 2,
        'default_hooks.knn': None,
    }
    given = [f'{name}={value}' for name, value in options.items()]
    work_dir = tmp_path / 'pretraining'
    assert run_train([str(demo), '--work-dir', str(work_dir), '--cfg-options', *given]) == 0
    tune(
        CONV,
        work_dir / 'epoch_2.pth',
        miniature('in1k'),
        tmp_path,
        64,
        {'model.backbone.arch': arch},
    )
