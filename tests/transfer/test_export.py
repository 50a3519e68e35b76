"""Backbones leave for other libraries and come back as they were."""

from __future__ import annotations

import json
import os
import resource
from functools import partial

import pytest
import timm
import torch
from foreign_checkpoints import (
    DEPTH,
    HEADS,
    PATCH,
    SIZE,
    VIT,
    WIDTH,
    beit,
    block_outputs,
    dinov2,
    dinov2_registers_swiglu,
    hugging_face_dinov2,
    hugging_face_dinov2_registers,
    hugging_face_vit,
    mmseg_vit,
    noise,
    self_distillation,
    swin,
    timm_mean_pooled,
    timm_registers,
    timm_safetensors,
    timm_vit,
)
from mmpretrain.registry import MODELS
from safetensors.torch import load_file, save_file
from tiny_backbones import below, randomise

import mmmask.transfer.export as export_module
from mmmask.commands.main import run_command
from mmmask.transfer import Allowed, load_strictly, read_checkpoint, select_backbone
from mmmask.transfer.description import saved_config
from mmmask.transfer.normalisation import Normalisation, pretraining_normalisation
from mmmask.transfer.settings import Settings, settings_of

export = partial(run_command, 'export')


def tensors_of(path):
    checkpoint = read_checkpoint(str(path))
    selection = select_backbone(checkpoint)
    settings = settings_of(checkpoint, selection)
    return {k: v for k, v in selection.tensors.items() if k != 'mask_token'}, settings


def images_of(path):
    """The normalisation of the pre-training's images, and where it is known from."""
    checkpoint = read_checkpoint(str(path))
    return pretraining_normalisation(checkpoint, select_backbone(checkpoint))


def sum_of_cls(tensors):
    """CLS token with its position, which is all that counts."""
    length = tensors['pos_embed'].shape[1]
    own = tensors['pos_embed'][:, :1] if length % 2 else 0.0  # grids here are even
    return tensors['cls_token'] + own


def described(folder):
    """Its config tells everything, and nothing as usual: 2 x 4 patches, BGR, epsilon 1e-5."""
    backbone = dict(VIT, img_size=(16, 32), norm_cfg=dict(type='LN', eps=1e-5))
    images = dict(mean=[10.0, 20.0, 30.0], std=[40.0, 50.0, 60.0], to_rgb=False)
    model = randomise(MODELS.build(backbone), 0)
    text = f'model = dict(backbone={backbone}, data_preprocessor={images})'
    content = dict(state_dict=below('backbone.', model), meta=dict(cfg=text))
    torch.save(content, folder / 'described.pth')
    return folder / 'described.pth'


def refused(arguments, capsys):
    """The one line of an export that fails."""
    assert export([str(argument) for argument in arguments]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith('error: ') and '\n' not in error
    return error


OUTS = [
    *((to, name) for to in ('mmpretrain', 'timm', 'dino') for name in ('x.safetensors', 'x.pth')),
    ('huggingface', 'model.safetensors'),
]


@pytest.mark.parametrize('to, name', OUTS)
@pytest.mark.parametrize('write', [self_distillation, dinov2, dinov2_registers_swiglu])
def test_a_round_trip_is_exact(write, to, name, tmp_path, capsys):
    case = write(tmp_path)
    out = tmp_path / 'out' / name
    heads = ['--heads', str(HEADS)]
    assert export([str(case.path), '--to', to, '--out', str(out), *heads]) == 0
    assert 'read back equal' in capsys.readouterr().out
    before, _ = tensors_of(case.path)
    after, settings = tensors_of(out)
    assert set(before) == set(after) and settings.heads == HEADS
    assert settings.heads_from == 'its metadata'
    for name in set(before) - {'cls_token', 'pos_embed'}:
        assert torch.equal(before[name], after[name]), name
    if 'register_tokens' in before and to == 'timm':  # which folds CLS token and position
        assert torch.equal(sum_of_cls(before), sum_of_cls(after))
        before['pos_embed'] = before['pos_embed'][:, 1:]
    else:
        assert torch.equal(before['cls_token'], after['cls_token'])
    assert torch.equal(before['pos_embed'], after['pos_embed'])


@pytest.mark.parametrize('to, name', OUTS)
def test_what_tensors_do_not_tell_comes_back(to, name, tmp_path):
    out = tmp_path / 'out' / name
    assert export([str(described(tmp_path)), '--to', to, '--out', str(out)]) == 0
    model = 'VisionTransformer (its metadata)'
    assert tensors_of(out)[1] == Settings(HEADS, 'its metadata', 1e-5, (2, 4), model, 'GELU')
    images = Normalisation((10.0, 20.0, 30.0), (40.0, 50.0, 60.0), 'BGR')
    assert images_of(out) == (images, 'its metadata')


@pytest.mark.parametrize('to', ['mmpretrain', 'timm', 'huggingface', 'dino'])
def test_another_activation_goes_where_it_can_be_said(to, tmp_path, capsys):
    """In the config.json of Hugging Face, in our metadata; DINO's own network has GELU only."""
    case = hugging_face_vit(tmp_path)
    config = tmp_path / 'config.json'
    config.write_text(json.dumps({**json.loads(config.read_text()), 'hidden_act': 'quick_gelu'}))
    out = tmp_path / 'out' / ('model.safetensors' if to == 'huggingface' else 'new.safetensors')
    words = [str(case.path), '--to', to, '--out', str(out)]
    if to == 'dino':
        assert 'has another activation than GELU' in refused(words, capsys)
        return
    assert export(words) == 0
    assert 'its activation is QuickGELU: no tensor shows it' in capsys.readouterr().out
    assert tensors_of(out)[1].activation == 'QuickGELU'
    if to == 'huggingface':
        assert json.loads(out.with_name('config.json').read_text())['hidden_act'] == 'quick_gelu'


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


@pytest.mark.parametrize(
    'write', [hugging_face_vit, hugging_face_dinov2, hugging_face_dinov2_registers]
)
def test_hugging_face_s_files_come_back_as_they_were(write, tmp_path, capsys):
    """Names and values of what its own models had written, but for heads and poolers."""
    case = write(tmp_path)
    out = tmp_path / 'out'
    assert export([str(case.path), '--to', 'huggingface', '--out', str(out)]) == 0
    is_vit = write is hugging_face_vit
    assert ('add_pooling_layer=False' in capsys.readouterr().out) == is_vit
    written = load_file(out / 'model.safetensors')
    prefixes = ('vit.', 'dinov2.', 'dinov2_with_registers.')
    theirs = {
        next((name[len(p) :] for p in prefixes if name.startswith(p)), name): value
        for name, value in load_file(case.path).items()
        if not name.startswith(('classifier', 'pooler'))
    }
    assert set(written) == set(theirs)
    assert all(torch.equal(written[name], theirs[name]) for name in theirs)
    own = json.loads((out / 'config.json').read_text())
    read = json.loads((tmp_path / 'config.json').read_text())
    assert own.pop('architectures') and read.pop('architectures')
    size, ratio = own['hidden_size'], own.pop('mlp_ratio', None)
    assert {key: read[key] for key in own} == own
    if write is hugging_face_dinov2_registers:  # any that gives the same width of the gated MLP
        assert (int(size * ratio * 2 / 3) + 7) // 8 * 8 == 16


def test_dinov2_without_a_mask_token_gets_one_for_hugging_face(tmp_path):
    """Its models have the tensor, which only masking reads."""
    case = timm_registers(tmp_path)
    arguments = [str(case.path), '--to', 'huggingface', '--out', str(tmp_path / 'out')]
    assert export([*arguments, '--heads', str(HEADS)]) == 0
    token = load_file(tmp_path / 'out' / 'model.safetensors')['embeddings.mask_token']
    assert torch.equal(token, torch.zeros(1, WIDTH))


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
def test_from_pretrained_reads_one_name_only(name, tmp_path, capsys):
    out = tmp_path / name
    arguments = [described(tmp_path), '--to', 'huggingface', '--out', out]
    assert f"'{out}' must be a folder for --to huggingface" in refused(arguments, capsys)


def qk_norm(folder):
    case = timm_safetensors(folder)
    content = timm_vit(qk_norm=True).state_dict()
    save_file(content, case.path)
    return case


def without_cls_token(folder):
    case = timm_safetensors(folder)
    save_file(timm_vit(class_token=False, global_pool='avg').state_dict(), case.path)
    return case


def not_finite(folder):
    case = timm_safetensors(folder)
    content = load_file(case.path)
    content['norm.weight'][3] = float('nan')
    content['blocks.1.mlp.fc2.bias'][0] = float('inf')
    save_file(content, case.path)
    return case


def wide_grid(folder):
    """2 x 3 patches, which nothing tells."""
    case = timm_safetensors(folder)
    save_file(timm_vit(img_size=(16, 24)).state_dict(), case.path)
    return case


HEADS_3 = ['--heads', '3']


@pytest.mark.parametrize(
    'write, options, said',
    [
        (self_distillation, ['--to', 'huggingface', '--out', 'new'], 'heads: give --heads N'),
        (beit, ['--to', 'huggingface', '--out', 'new'], 'it is a BEiTViT, which'),
        (swin, ['--to', 'dino'], 'it is a SwinTransformer, which dino'),
        (swin, ['--heads', '4'], '--heads 4: the file has (1, 2, 2, 4) (from its tables'),
        (mmseg_vit, HEADS_3, 'has no final norm'),
        (timm_registers, [*HEADS_3, '--out', 'x.bin'], 'must end with .safetensors or .pth'),
        (hugging_face_vit, HEADS_3, '--heads 3: the file has 2 (from its config.json)'),
        (timm_safetensors, ['--heads', '5'], "--heads 5 doesn't divide the width 12"),
        (qk_norm, ['--to', 'mmpretrain'], '8 tensors differ from a VisionTransformer'),
        (qk_norm, [], '8 tensors differ from a VisionTransformer'),
        (without_cls_token, ['--to', 'dino'], 'it has no CLS token'),
        (
            without_cls_token,
            [*HEADS_3, '--to', 'huggingface', '--out', 'new'],
            'it has no CLS token, which huggingface',
        ),
        (timm_mean_pooled, ['--to', 'dino'], 'last norm behind a mean over patches'),
        (
            not_finite,
            [],
            '2 with NaN or infinity (blocks.1.mlp.fc2.bias, norm.weight); take an earlier',
        ),
        (wide_grid, ['--to', 'mmpretrain'], '--grid ROWSxCOLUMNS'),
        (wide_grid, ['--grid', '3x4'], '--grid 3x4: the file has 7 position embeddings'),
    ],
)
def test_what_cannot_be_exported(write, options, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case = write(tmp_path)
    before = set(tmp_path.iterdir())
    arguments = [case.path, '--to', 'timm', '--out', tmp_path / 'out.safetensors', *options]
    assert said in refused(arguments, capsys)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize('option', [['--heads', '0'], ['--grid', '0x4'], ['--grid', '4']])
def test_options_that_are_no_numbers(option, tmp_path):
    with pytest.raises(SystemExit):
        export([str(tmp_path / 'a.pth'), '--to', 'timm', '--out', 'b.pth', *option])


def test_a_grid_that_the_user_tells(tmp_path):
    case = wide_grid(tmp_path)
    out = tmp_path / 'new.pth'
    assert export([str(case.path), '--to', 'dino', '--out', str(out), '--grid', '2x3']) == 0
    assert tensors_of(out)[1].grid == (2, 3)
    arguments = [str(described(tmp_path)), '--to', 'timm', '--grid', '4x2']
    assert export([*arguments, '--out', str(tmp_path / 'other.pth')]) == 1


def test_heads_are_needed_where_they_are_written_only(tmp_path):
    case = self_distillation(tmp_path)  # whose config isn't in the file
    for to in ('mmpretrain', 'timm', 'dino'):
        out = tmp_path / f'{to}.safetensors'
        assert export([str(case.path), '--to', to, '--out', str(out)]) == 0
        assert tensors_of(out)[1].heads is None


def test_nothing_is_overwritten(tmp_path, capsys):
    case = hugging_face_vit(tmp_path)
    case.path.rename(tmp_path / 'old.safetensors')
    arguments = [tmp_path / 'old.safetensors', '--to', 'huggingface', '--out', tmp_path]
    assert 'config.json' in refused(arguments, capsys)  # of the file itself
    assert not (tmp_path / 'model.safetensors').exists()
    assert json.loads((tmp_path / 'config.json').read_text())['model_type'] == 'vit'


@pytest.mark.parametrize('to, name', OUTS[:-1])
def test_what_nobody_told_stays_unknown(to, name, tmp_path):
    """The names that a target reads say nothing of a training: no epsilon, no normalisation."""
    source = tmp_path / 'old.pth'
    torch.save(randomise(MODELS.build(VIT), 0).state_dict(), source)
    assert export([str(source), '--to', to, '--out', str(tmp_path / name)]) == 0
    assert tensors_of(source)[1] == tensors_of(tmp_path / name)[1] == Settings()
    assert images_of(source) == images_of(tmp_path / name) == (None, '')


@pytest.mark.parametrize('to, name', OUTS)
def test_a_file_that_cannot_be_written_leaves_nothing(to, name, tmp_path, capsys):
    """The disk is full: here, files may have 8 kB."""
    source = described(tmp_path)
    out = tmp_path / 'out' / name
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        error = refused([source, '--to', to, '--out', out], capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f"'{out}' can't be written, is the disk full?" in error
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize('below', ['x.pth', 'folder/x.pth'])
def test_a_folder_that_is_a_file(below, tmp_path, capsys):
    source = described(tmp_path)
    error = refused([source, '--to', 'timm', '--out', source / below], capsys)
    assert str(source) in error and ('is no folder' in error or 'Not a directory' in error)


@pytest.mark.skipif(os.geteuid() == 0, reason='root writes everywhere')
@pytest.mark.parametrize('to, name', OUTS)
def test_a_folder_that_is_not_the_user_s(to, name, tmp_path, capsys):
    source = described(tmp_path)
    (tmp_path / 'out').mkdir(0o500)
    out = tmp_path / 'out' / name
    assert 'Permission denied' in refused([source, '--to', to, '--out', out], capsys)


def test_home_is_expanded(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert export([str(described(tmp_path)), '--to', 'timm', '--out', '~/new.pth']) == 0
    assert (tmp_path / 'new.pth').is_file()
    assert 'exists already' in refused(
        [tmp_path / 'new.pth', '--to', 'dino', '--out', '~/new.pth'], capsys
    )


@pytest.mark.parametrize('to, name', OUTS)
def test_what_reads_as_something_else_is_not_kept(to, name, tmp_path, monkeypatch):
    out = tmp_path / 'out' / name
    source = str(described(tmp_path))
    read = export_module.read_checkpoint

    def spoilt(path):
        checkpoint = read(path)
        for value in checkpoint.state_dict.values():
            value += 1
        return checkpoint

    monkeypatch.setattr(export_module, 'read_checkpoint', spoilt)
    with pytest.raises(RuntimeError, match='read back differs'):
        export([source, '--to', to, '--out', str(out)])
    assert not list(out.parent.iterdir())
    monkeypatch.undo()
    assert export([source, '--to', to, '--out', str(out)]) == 0  # nothing is in the way


class Unknown:
    """Of a class that isn't among weights."""


@pytest.mark.parametrize('name', ['new.pth', 'new.safetensors'])
def test_the_advice_for_a_refused_pickle_works_for_any_model(name, tmp_path, capsys):
    """A ResNet-18's detector, with its config: all of its tensors, which then load.

    Its backbone has 20 convolutions and as many batch norms of five tensors.
    """
    backbone = dict(type='mmpretrain.ResNet', depth=18)
    tensors = below('backbone.', randomise(MODELS.build(backbone), 0))
    tensors['rpn_head.conv.weight'] = torch.ones(2, 2)
    config = f'model = dict(backbone={backbone})\n'
    path, out = tmp_path / 'old.pth', tmp_path / name
    torch.save(dict(state_dict=tensors, meta=dict(cfg=config, other=Unknown())), path)
    advised = [str(path), '--trust', '--to', 'mmpretrain', '--out', str(out)]
    assert ' '.join(advised[:4]) in refused([path, '--to', 'timm', '--out', out], capsys)
    assert 'it is no ViT' in refused([path, '--trust', '--to', 'timm', '--out', out], capsys)
    assert export(advised) == 0
    assert '121 tensors by their own names, all that the file has' in capsys.readouterr().out
    checkpoint = read_checkpoint(str(out))
    assert set(checkpoint.state_dict) == set(tensors)
    assert all(torch.equal(checkpoint.state_dict[n], value) for n, value in tensors.items())
    module = MODELS.build(backbone)
    line = load_strictly(module, checkpoint, select_backbone(checkpoint), Allowed())
    assert 'loaded 120 of 120 tensors of ResNet' in line
    assert saved_config(checkpoint) == dict(model=dict(backbone=backbone))


@pytest.mark.parametrize('wrap', [lambda model: model, lambda model: dict(model=model, epoch=3)])
def test_a_pickled_module_is_converted(wrap, tmp_path, capsys):
    model = randomise(MODELS.build(VIT), 0)
    path, out = tmp_path / 'old.pth', tmp_path / 'new.safetensors'
    torch.save(wrap(model), path)
    arguments = [str(path), '--to', 'mmpretrain', '--out', str(out)]
    assert 'could run code' in refused(arguments, capsys)
    assert export([*arguments, '--trust']) == 0
    written, expected = load_file(out), model.state_dict()
    assert set(written) == set(expected)
    assert all(torch.equal(written[name], value) for name, value in expected.items())


def test_a_trusted_vit_is_translated_as_any_other(tmp_path, capsys):
    case = self_distillation(tmp_path)
    content = torch.load(case.path, weights_only=False)
    torch.save(dict(content, optimizer=Unknown()), case.path)
    out = tmp_path / 'new.safetensors'
    assert export([str(case.path), '--trust', '--to', 'mmpretrain', '--out', str(out)]) == 0
    said = capsys.readouterr().out
    assert 'by mmpretrain names' in said and 'left behind: ' in said
    assert 'backbone.cls_token' not in load_file(out) and 'cls_token' in load_file(out)
