"""The inspection of a file describes it, and prints a config that loads."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from foreign_checkpoints import (
    CASES,
    SWIN,
    WIDTH,
    beit,
    deit,
    dino,
    hugging_face_vit,
    moco_v3,
    timm_safetensors,
    timm_vit,
)
from mmpretrain.registry import MODELS
from safetensors.torch import load_file, save_file

from mmmask.commands.main import run_command
from mmmask.transfer import read_checkpoint, select_backbone
from mmmask.transfer.settings import settings_of
from mmmask.transfer.suggest import suggest_backbone

inspect = partial(run_command, 'inspect')


def report_of(path, capsys):
    assert inspect([str(path)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize('write', CASES, ids=lambda case: case.__name__)
def test_inspection_names_a_config_that_loads(write, tmp_path, capsys):
    """Wherever the number of heads is known, the config that is printed takes all tensors."""
    case = write(tmp_path)
    report = report_of(case.path, capsys)
    source = case.init_cfg.get('source')
    checkpoint = read_checkpoint(str(case.path))
    selection = select_backbone(checkpoint, source or 'auto')
    settings = settings_of(checkpoint, selection)
    assert selection.naming.name in report
    tables = any('relative_position_bias_table' in name for name in selection.tensors)
    if settings.heads is None and not tables:
        assert "it doesn't tell its number of attention heads" in report
        return
    backbone = suggest_backbone(selection.tensors, settings)
    assert backbone['type'] == case.backbone['type']
    count = len(MODELS.build(dict(backbone)).state_dict())
    indices = sum('position_index' in name for name in MODELS.build(backbone).state_dict())
    assert f'loaded {count - indices} of {count} tensors' in report
    assert f'arch={backbone["arch"]!r}' in report


def test_inspection_of_another_architecture_shows_the_config_in_the_file(tmp_path, capsys):
    source = dict(type='MaskedConvMAE', arch='small', img_size=32)
    config = f"default_scope = 'mmpretrain'\nmodel = dict(backbone={source})"
    path = tmp_path / 'file.pth'
    torch.save(dict(state_dict={'backbone.ln1.weight': torch.ones(4)}, meta=dict(cfg=config)), path)
    assert inspect([str(path)]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-4:-1] == ["type='mmpretrain.MaskedConvMAE',", "arch='small',", 'img_size=32,']
    assert lines[-1].startswith("init_cfg={'type': 'Pretrained'")


def test_a_config_that_does_not_load_is_not_printed(tmp_path, capsys):
    """A bias is missing."""
    case = deit(tmp_path)
    content = torch.load(case.path)['model']
    del content['blocks.1.mlp.fc1.bias']
    tensors = {f'backbone.{name}': value for name, value in content.items()}
    config = "model = dict(backbone=dict(type='VisionTransformer', arch=dict(num_heads=3)))"
    torch.save(dict(state_dict=tensors, meta=dict(cfg=config)), case.path)
    report = report_of(case.path, capsys)
    assert 'loads into    nothing of mmpretrain: ' in report
    assert 'layers.1.ffn.layers.0.0.bias' in report
    assert 'init_cfg={' not in report and 'model.backbone in' not in report


@pytest.mark.parametrize(
    'write, labels', [(dino, ['teacher', 'student']), (moco_v3, ['student', 'teacher'])]
)
def test_both_backbones_of_a_file_are_named(write, labels, tmp_path, capsys):
    report = report_of(write(tmp_path).path, capsys)
    places = [report.index(f'backbone      {label}, timm ViT') for label in labels]
    assert places == sorted(places)


def test_a_file_with_one_backbone_has_no_student(tmp_path, capsys):
    report = report_of(beit(tmp_path).path, capsys)
    assert 'backbone      BEiT\n' in report and 'its names' not in report
    assert 'student' not in report and 'source' not in report
    assert "'type': 'Pretrained', 'checkpoint': " in report


def test_values_that_no_training_leaves_are_named(tmp_path, capsys):
    case = timm_safetensors(tmp_path)
    content = load_file(case.path)
    assert 'values  ' not in report_of(case.path, capsys)
    save_file({name: torch.zeros_like(value) for name, value in content.items()}, case.path)
    assert 'values        every value is zero\n' in report_of(case.path, capsys)
    content['blocks.0.attn.qkv.weight'][0, 0] = float('nan')
    save_file(content, case.path)
    report = report_of(case.path, capsys)
    assert 'values        1 with NaN or infinity (layers.0.attn.qkv.weight)\n' in report


def test_names_that_are_not_known(tmp_path, capsys):
    """The groups of names, and where in them a backbone is found."""
    path = tmp_path / 'file.pth'
    content = {f'visual.trunk.{name}': value for name, value in timm_vit().state_dict().items()}
    torch.save({**content, 'text.projection': torch.zeros(2, WIDTH)}, path)
    report = report_of(path, capsys)
    assert 'its names     begin with text, visual\n' in report
    assert "a backbone    is below 'visual.trunk.'" in report
    torch.save({'conv1.weight': torch.zeros(2, 3, 1, 1)}, path)
    report = report_of(path, capsys)
    assert 'its names     begin with conv1\n' in report and 'a backbone' not in report


def test_a_swin_with_absolute_positions(tmp_path, capsys):
    path = tmp_path / 'file.pth'
    torch.save(MODELS.build(dict(SWIN, use_abs_pos_embed=True)).state_dict(), path)
    report = report_of(path, capsys)
    assert 'mmpretrain.SwinTransformer: loaded 81 of 86 tensors' in report  # but 5 of indices
    assert 'use_abs_pos_embed=True' in report and 'img_size=128' in report


def test_what_a_dense_model_adds_is_said(tmp_path, capsys):
    path = hugging_face_vit(tmp_path).path
    lines = report_of(path, capsys).splitlines()
    assert lines[-1] == (
        "  a detector's or segmenter's in mmdet or mmseg: set out_type='featmap', "
        'out_indices=[0, 1], final_norm=False'
    )
    assert "  a classifier's model.backbone in mmpretrain:" in lines
    assert 'the only one that BEiTViT then takes' in report_of(beit(tmp_path).path, capsys)
