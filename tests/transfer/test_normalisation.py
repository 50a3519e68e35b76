"""Images are normalised by a config, from the file to the model, and in a pre-training."""

from __future__ import annotations

import argparse
import json

import pytest
import torch
from foreign_checkpoints import WIDTH, beit, timm_safetensors

from mmmask.config.read import read_config
from mmmask.transfer import read_checkpoint, select_backbone
from mmmask.transfer.normalisation import (
    KNOWN,
    Normalisation,
    normalisation_of_config,
    normalisation_of_unit_pixels,
    pretraining_normalisation,
)

IMAGENET = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
HALF = KNOWN['half']
RGB = Normalisation((1, 2, 3), (4, 5, 6))
BGR = Normalisation((1, 2, 3), (4, 5, 6), 'BGR')
VALUES = dict(mean=[1, 2, 3], std=[4, 5, 6])
FILE = dict(type='LoadImageFromFile')
PACK = dict(type='PackInputs')


def loader(*steps: dict) -> dict:
    return dict(dataset=dict(type='CIFAR10', pipeline=[*steps, PACK]))


def model(**preprocessor) -> dict:
    return dict(type='ImageClassifier', data_preprocessor=preprocessor)


@pytest.mark.parametrize(
    'cfg, expected',
    [
        (dict(data_preprocessor=dict(VALUES, to_rgb=True)), RGB),
        (dict(model=model(**VALUES, bgr_to_rgb=True), data_preprocessor=dict(mean=[0] * 3)), RGB),
        (dict(model=dict(type='x'), data_preprocessor=dict(VALUES, to_rgb=True)), RGB),
        (dict(model=model(**VALUES)), BGR),
        (dict(model=model(data_preprocessor=dict(VALUES, bgr_to_rgb=True))), RGB),  # around one
        (dict(model=model(mean=['a', 2, 3], std=[4, 5, 6])), None),
        (dict(model=model(mean=[1], std=[2])), None),  # grey
        (dict(model=dict(data_preprocessor='preprocessor')), None),  # not readable
        (dict(img_norm_cfg=VALUES), RGB),  # mmcv 1: its Normalize's default
        (dict(img_norm_cfg=dict(VALUES, to_rgb=False)), BGR),
        (dict(model=dict()), None),
        ({}, None),
    ],
)
def test_without_data(cfg, expected):
    assert normalisation_of_config(cfg) == expected


@pytest.mark.parametrize(
    'steps, to_rgb, channels',
    [
        ([FILE], True, 'RGB'),
        ([FILE], False, 'BGR'),
        ([], False, 'RGB'),  # the data set's arrays
        ([], True, 'BGR'),
        ([dict(FILE, imdecode_backend='pillow')], False, 'BGR'),
        ([dict(FILE, channel_order='rgb')], False, 'RGB'),
        ([dict(type='LoadAnnotations')], False, 'RGB'),  # no image
        ([dict(type='mmdet.LoadImageFromFile')], False, 'BGR'),
        ([FILE, dict(type='NumpyToPIL', to_rgb=True)], False, 'RGB'),
        (
            [FILE, dict(type='NumpyToPIL', to_rgb=True), dict(type='PILToNumpy', to_bgr=True)],
            False,
            'BGR',
        ),
        ([dict(type='MultiView', transforms=[[FILE], [FILE]])], True, 'RGB'),
    ],
)
def test_order_of_channels(steps, to_rgb, channels):
    found = normalisation_of_config(
        dict(model=model(**VALUES, to_rgb=to_rgb), train_dataloader=loader(*steps))
    )
    assert found == Normalisation((1, 2, 3), (4, 5, 6), channels)


@pytest.mark.parametrize(
    'data',
    [
        dict(train_dataloader=loader(FILE)),
        dict(test_dataloader=loader(FILE)),
        dict(train_dataloader=dict(dataset=dict(type='Repeat', dataset=loader(FILE)['dataset']))),
        dict(train_dataloader=dict(dataset=dict(datasets=[loader(FILE)['dataset']]))),
        dict(
            train_dataloader=dict(
                dataset=dict(type='Mix', pipeline=[PACK], dataset=loader(FILE)['dataset'])
            )
        ),
        dict(train_pipeline=[FILE, PACK]),
        dict(data=dict(train=dict(type='ImageNet', pipeline=[FILE, PACK]))),  # mmcv 1
    ],
)
def test_places_of_pipelines(data):
    cfg = dict(model=model(**VALUES), **data)
    assert normalisation_of_config(cfg) == BGR


@pytest.mark.parametrize(
    'steps, preprocessor, expected',
    [
        ([FILE], {}, Normalisation((0, 0, 0), (1, 1, 1), 'BGR')),  # nothing is done
        ([FILE], dict(mean=None, std=None), Normalisation((0, 0, 0), (1, 1, 1), 'BGR')),
        ([], {}, Normalisation((0, 0, 0), (1, 1, 1), 'RGB')),
        ([FILE, dict(type='Normalize', **VALUES)], {}, RGB),
        ([FILE, dict(type='mmcv.Normalize', to_rgb=False, **VALUES)], {}, BGR),
        (  # torchvision's, of pixels from 0 to 1
            [dict(type='ToTensor'), dict(type='Normalize', mean=[0.5] * 3, std=[0.25] * 3)],
            {},
            Normalisation((127.5,) * 3, (63.75,) * 3),
        ),
        (  # twice: ((x - m) / s - n) / t = (x - (m + s n)) / (s t), the first's channels reversed
            [FILE, dict(type='Normalize', to_rgb=False, **VALUES)],
            dict(mean=[1, 1, 2], std=[2, 2, 2], to_rgb=True),
            Normalisation((3 + 6, 2 + 5, 1 + 8), (12, 10, 8)),
        ),
    ],
)
def test_steps_that_normalise(steps, preprocessor, expected):
    cfg = dict(model=model(**preprocessor), train_dataloader=loader(*steps))
    assert normalisation_of_config(cfg) == expected


@pytest.mark.parametrize(
    'name',
    [
        'mmpretrain/finetune-attmask_vit-small-p16_6xb150-coslr-500e_cifar10',
        'mmpretrain/finetune-attmask_vit-small-p16_6xb150-coslr-500e_cifar100',
        'mmpretrain/finetune-attmask_vit-small-p16_8xb128-coslr-100e_in1k',
        'mmdet/cascade-mask-rcnn_vit-small-p16_8xb2-1x_coco',
        'mmseg/upernet_vit-small-p16_8xb2-160k_ade20k-512x512',
    ],
)
def test_downstream_configs_see_colours_as_in_pre_training(name):
    cfg = read_config(f'configs/transfer/{name}.py')
    assert normalisation_of_config(cfg) == IMAGENET
    preprocessor = cfg.model.get('data_preprocessor') or cfg.data_preprocessor
    key = next(key for key in ('to_rgb', 'bgr_to_rgb') if key in preprocessor)
    preprocessor[key] = not preprocessor[key]
    assert normalisation_of_config(cfg).channels == 'BGR'


def test_unit_pixels():
    values = dict(image_mean=[0.5, 0.25, 0.0], image_std=[0.5, 0.5, 1.0])
    expected = Normalisation((127.5, 63.75, 0.0), (127.5, 127.5, 255.0))
    assert normalisation_of_unit_pixels(values, 'image_') == expected
    assert normalisation_of_unit_pixels(values) is None


def test_agrees_but_for_rounding():
    assert RGB.agrees(Normalisation((1.2, 2, 3), (4, 5, 6.4)))
    assert not RGB.agrees(Normalisation((1.2, 2, 3), (4, 5, 6.6)))
    assert not RGB.agrees(BGR)


def normalisation_from(path):
    """The normalisation of a file's pre-training, and where it is known from."""
    checkpoint = read_checkpoint(str(path))
    return pretraining_normalisation(checkpoint, select_backbone(checkpoint))


@pytest.mark.parametrize('option, values', [(True, IMAGENET), (False, HALF), (None, None)])
def test_normalisation_by_beit_s_option(option, values, tmp_path):
    case = beit(tmp_path)
    content = torch.load(case.path)
    options = {} if option is None else dict(imagenet_default_mean_and_std=option)
    torch.save(dict(content, args=argparse.Namespace(model='beit', **options)), case.path)
    images = normalisation_from(case.path)
    assert images == (values, 'the options in the file' if values else '')


@pytest.mark.parametrize('features, values', [(WIDTH, HALF), (WIDTH + 1, None)])
def test_timm_s_description(features, values, tmp_path):
    path = timm_safetensors(tmp_path).path
    config = dict(mean=[0.5] * 3, std=[0.5] * 3)
    content = dict(architecture='vit', num_features=features, pretrained_cfg=config)
    (tmp_path / 'config.json').write_text(json.dumps(content))
    assert normalisation_from(path) == (values, 'its config.json' if values else '')
