import warnings

from mmengine.config import Config

import mmmask  # noqa: F401


def test_mmseg_configs_can_be_inherited(tmp_path):
    path = tmp_path / 'child.py'
    path.write_text("_base_ = 'mmseg::_base_/datasets/ade20k.py'\n")
    assert Config.fromfile(path).dataset_type == 'ADE20KDataset'


def test_mmdet_imports_quietly():
    with warnings.catch_warnings(record=True) as caught:
        mmmask.compat.silence_mmdet()
        warnings.warn('faster_coco_eval is not installed, metrics will not be computed.')
    assert not caught
