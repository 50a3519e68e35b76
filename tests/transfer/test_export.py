"""Backbones leave for other libraries and come back as they were."""

from __future__ import annotations

import json

import pytest
import timm
import torch
from foreign_checkpoints import (
    CASES,
    DEPTH,
    HEADS,
    PATCH,
    SIZE,
    WIDTH,
    beit,
    block_outputs,
    dinov2,
    dinov2_registers_swiglu,
    hugging_face_dinov2_registers,
    hugging_face_vit,
    mmseg_vit,
    noise,
    self_distillation,
    swin,
    timm_registers,
)
from mmpretrain.registry import MODELS
from safetensors.torch import load_file

from mmmask.transfer import read_checkpoint, select_backbone
from mmmask.transfer.export_main import main as export
from mmmask.transfer.facts import facts
from mmmask.transfer.inspect_main import main as inspect
from mmmask.transfer.suggest import suggest_backbone


def tensors_of(path):
    checkpoint = read_checkpoint(str(path))
    selection = select_backbone(checkpoint)
    known = facts(checkpoint, selection)
    return {k: v for k, v in selection.tensors.items() if k != 'mask_token'}, known


def sum_of_cls(tensors):
    """CLS token with its position, which is all that counts."""
    length = tensors['pos_embed'].shape[1]
    own = tensors['pos_embed'][:, :1] if length % 2 else 0.0  # grids here are even
    return tensors['cls_token'] + own


@pytest.mark.parametrize('suffix', ['safetensors', 'pth'])
@pytest.mark.parametrize('to', ['mmpretrain', 'timm', 'huggingface', 'dino'])
@pytest.mark.parametrize('write', [self_distillation, dinov2, dinov2_registers_swiglu])
def test_a_round_trip_is_exact(write, to, suffix, tmp_path, capsys):
    case = write(tmp_path)
    out = tmp_path / 'out' / f'model.{suffix}'
    heads = ['--heads', str(HEADS)]
    assert export([str(case.path), '--to', to, '--out', str(out), *heads]) == 0
    assert 'read back equal' in capsys.readouterr().out
    before, _ = tensors_of(case.path)
    after, known = tensors_of(out)
    assert set(before) == set(after) and known.heads == HEADS
    assert known.heads_from == 'its metadata'
    for name in set(before) - {'cls_token', 'pos_embed'}:
        assert torch.equal(before[name], after[name]), name
    if 'register_tokens' in before and to == 'timm':  # which folds CLS token and position
        assert torch.equal(sum_of_cls(before), sum_of_cls(after))
        before['pos_embed'] = before['pos_embed'][:, 1:]
    else:
        assert torch.equal(before['cls_token'], after['cls_token'])
    assert torch.equal(before['pos_embed'], after['pos_embed'])


def test_timm_s_own_model_gives_the_features(tmp_path):
    case = self_distillation(tmp_path)
    out = tmp_path / 'timm.safetensors'
    assert export([str(case.path), '--to', 'timm', '--out', str(out), '--heads', str(HEADS)]) == 0
    shape = dict(img_size=SIZE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS)
    model = timm.create_model('vit_tiny_patch16_224', num_classes=0, **shape)
    model.load_state_dict(load_file(out))
    for mine, theirs in zip(block_outputs(model.blocks, model, noise()), case.features):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def test_timm_s_own_swin_gives_the_features(tmp_path):
    case = swin(tmp_path)
    out = tmp_path / 'timm.safetensors'
    assert export([str(case.path), '--to', 'timm', '--out', str(out)]) == 0
    arch = case.backbone['arch']
    model = timm.create_model(
        'swin_tiny_patch4_window7_224',
        img_size=128,
        window_size=4,
        embed_dim=arch['embed_dims'],
        depths=arch['depths'],
        num_heads=arch['num_heads'],
        num_classes=0,
    )
    model.load_state_dict(load_file(out))
    blocks = [block for stage in model.layers for block in stage.blocks]
    for mine, theirs in zip(block_outputs(blocks, model, case.images), case.features):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize('write', [hugging_face_vit, hugging_face_dinov2_registers])
def test_hugging_face_s_files_come_back_as_they_were(write, tmp_path):
    """Names and values of what its own models had written, but for heads and the mask token."""
    case = write(tmp_path)
    out = tmp_path / 'out' / 'model.safetensors'
    assert export([str(case.path), '--to', 'huggingface', '--out', str(out)]) == 0
    written = load_file(out)
    theirs = {
        name.partition('.')[2]: value
        for name, value in load_file(case.path).items()
        if not name.startswith('classifier') and 'mask_token' not in name
    }
    assert set(written) == set(theirs)
    assert all(torch.equal(written[name], theirs[name]) for name in theirs)
    own = json.loads((out.parent / 'config.json').read_text())
    read = json.loads((tmp_path / 'config.json').read_text())
    assert own.pop('architectures') and read.pop('architectures')
    own.pop('use_mask_token', None)
    size, ratio = own['hidden_size'], own.pop('mlp_ratio', None)
    assert {key: read[key] for key in own} == own
    if ratio is not None:  # any that gives the same width of the gated MLP
        assert (int(size * ratio * 2 / 3) + 7) // 8 * 8 == 16


@pytest.mark.parametrize(
    'write, options, said',
    [
        (self_distillation, [], "doesn't tell its number of attention heads (--heads N)"),
        (beit, ['--to', 'huggingface'], "can't hold a BEiTViT: choose timm or mmpretrain"),
        (swin, ['--to', 'dino'], "can't hold a SwinTransformer"),
        (mmseg_vit, ['--heads', '3', '--to', 'timm'], 'has no final norm'),
        (timm_registers, ['--heads', '3', '--out', 'x.bin'], 'must end with .safetensors or .pth'),
        (hugging_face_vit, ['--heads', '3'], '--heads 3: the file has 2 (from its config.json)'),
    ],
)
def test_what_cannot_be_exported(write, options, said, tmp_path, capsys):
    case = write(tmp_path)
    out = tmp_path / 'out.safetensors'
    assert export([str(case.path), '--to', 'timm', '--out', str(out), *options]) == 1
    error = capsys.readouterr().err.strip()
    assert said in error and '\n' not in error
    assert not out.exists()


def test_nothing_is_overwritten(tmp_path, capsys):
    case = hugging_face_vit(tmp_path)
    arguments = [str(case.path), '--to', 'huggingface', '--out', str(tmp_path / 'new.safetensors')]
    assert export(arguments) == 1
    assert 'config.json' in capsys.readouterr().err  # of the file itself
    assert not (tmp_path / 'new.safetensors').exists()
    assert json.loads((tmp_path / 'config.json').read_text())['model_type'] == 'vit'


@pytest.mark.parametrize('write', CASES, ids=lambda case: case.__name__)
def test_inspection_names_a_config_that_loads(write, tmp_path, capsys):
    """Wherever the number of heads is known, the config that is printed takes all tensors."""
    case = write(tmp_path)
    assert inspect([str(case.path)]) == 0
    report = capsys.readouterr().out
    source = case.init_cfg.get('source')
    checkpoint = read_checkpoint(str(case.path))
    selection = select_backbone(checkpoint, source or 'auto')
    known = facts(checkpoint, selection)
    assert selection.dialect.name in report
    if known.heads is None and case.backbone['type'].endswith('VisionTransformer'):
        assert "it doesn't tell its number of attention heads" in report
        return
    backbone = suggest_backbone(selection.tensors, known)
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
