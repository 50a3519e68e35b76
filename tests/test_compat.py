import importlib
import logging
import sys
import warnings

import mmengine.logging
import pytest
from mmengine.config import Config
from mmpretrain.utils import dependency
from pycocotools.coco import COCO

from mmmask import compat
from mmmask.config.read import read_config
from mmmask.utils.errors import UserError


def test_mmseg_configs_can_be_inherited(tmp_path):
    path = tmp_path / 'child.py'
    path.write_text("_base_ = 'mmseg::_base_/datasets/ade20k.py'\n")
    assert Config.fromfile(path).dataset_type == 'ADE20KDataset'


def test_our_configs_can_be_inherited_and_need_no_scope(tmp_path):
    path = tmp_path / 'child.py'
    path.write_text("_base_ = 'mmmask::demo/dino_vit-demo_material-scenes.py'\n")
    demo = read_config('mmmask::demo/dino_vit-demo_material-scenes.py')
    assert Config.fromfile(path).to_dict() == demo.to_dict()
    assert '_scope_' not in demo.model
    path.write_text("_base_ = 'mmmask::demo/nothing.py'\n")
    with pytest.raises(UserError, match='demo/nothing.py'):
        read_config(str(path))


@pytest.mark.parametrize('installed, kept', [('5.23.0', False), ('4.57.6', True)])
def test_models_of_images_and_text_need_an_old_transformers(monkeypatch, installed, kept):
    monkeypatch.setattr(compat, 'version', lambda name: installed)
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    compat.leave_out_multimodal_models()
    assert dependency.WITH_MULTIMODAL is kept


def test_the_mm_packages_import_quietly(capsys):
    with warnings.catch_warnings(record=True) as caught:
        compat.silence_chatter()
        warnings.warn('faster_coco_eval is not installed, metrics will not be computed.')
    assert not caught
    mmengine.logging.print_log('Could not import OneDL', level=logging.DEBUG)
    mmengine.logging.print_log('said', level=logging.INFO)
    COCO().createIndex()
    assert capsys.readouterr().out == 'said\n'


def test_yapf_is_imported_again_while_its_cache_is_written(monkeypatch):
    tries, pauses = [], []

    def import_module(name):
        tries.append(name)
        if len(tries) < 3:
            raise EOFError('Ran out of input')

    monkeypatch.setattr(importlib, 'import_module', import_module)
    monkeypatch.setattr(compat.time, 'sleep', pauses.append)
    compat.import_yapf()
    assert tries == ['yapf.yapflib.yapf_api'] * 3 and pauses == [0.1, 0.5]


def test_a_configs_text_is_formatted_once_until_it_changes(monkeypatch):
    compat.import_yapf()
    yapf_api = sys.modules['yapf.yapflib.yapf_api']
    formatted, format_code = [], yapf_api.FormatCode

    def count(text, **kwargs):
        formatted.append(text)
        return format_code(text, **kwargs)

    monkeypatch.setattr(yapf_api, 'FormatCode', count)
    cfg = Config(dict(model=dict(type='Once', depth=2)))
    assert [cfg.pretty_text, cfg.copy().pretty_text] == ["model = dict(depth=2, type='Once')\n"] * 2
    assert len(formatted) == 1
    cfg.model.depth = 3
    assert cfg.pretty_text == "model = dict(depth=3, type='Once')\n"
    assert len(formatted) == 2
