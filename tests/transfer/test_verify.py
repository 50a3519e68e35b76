"""Proof of a transfer: by the tool, and at the start of every training."""

from __future__ import annotations

import dataclasses
import logging
from functools import partial
from pathlib import Path

import pytest
import torch
from foreign_checkpoints import (
    VIT,
    beit,
    deit_distilled,
    dino,
    dinov2,
    hugging_face_vit,
    mmseg_swin,
    mmseg_vit,
    timm_safetensors,
)
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS as ROOT
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.models.backbones import VisionTransformer
from PIL import Image

from mmmask.commands.main import run_command
from mmmask.engine.hooks import VerifyTransferHook
from mmmask.transfer import loading, names
from mmmask.transfer.initialiser import strict_loading
from mmmask.transfer.verify import compare_with_source, source_of
from mmmask.utils.errors import UserError

verify = partial(run_command, 'verify')

CONFIG = """
default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    backbone={backbone},
    data_preprocessor=dict(mean={mean}, std=[58.395, 57.12, 57.375], to_rgb={rgb}))
"""
MEAN = [123.675, 116.28, 103.53]


def config(folder: Path, mean=MEAN, rgb=True, **backbone) -> str:
    path = folder / 'config.py'
    init_cfg = dict(type='Pretrained', checkpoint='SET-ME')
    backbone = dict(VIT, init_cfg=init_cfg, **backbone)
    path.write_text(CONFIG.format(backbone=backbone, mean=mean, rgb=rgb))
    return str(path)


@pytest.mark.parametrize('with_image', [False, True])
def test_shows_every_block(tmp_path, capsys, with_image):
    case = dino(tmp_path)
    options = []
    if with_image:
        Image.new('RGB', (50, 40), (200, 30, 90)).save(tmp_path / 'image.png')
        options = ['--image', str(tmp_path / 'image.png')]
    assert verify([config(tmp_path), str(case.path), *options]) == 0
    printed = capsys.readouterr().out
    assert 'agrees: 2 blocks' in printed and 'equal' not in printed
    assert '(assumed: 3 heads)' in printed  # 12 wide is nobody's architecture
    assert printed.count('mean (123.675, 116.28, 103.53)') == 2


@pytest.mark.parametrize(
    'options, said',
    [
        (dict(mean=[127.5] * 3), 'the config has mean (127.5, 127.5, 127.5)'),
        (dict(rgb=False), 'BGR: set data_preprocessor'),
        (dict(patch_size=16), 'patch size 8 in the file, 16 in the config'),
        (dict(init_cfg=None), 'nothing would be loaded'),
        (dict(arch='tiny'), "can't be built"),
    ],
)
def test_says_what_is_wrong(tmp_path, capsys, options, said):
    case = dino(tmp_path)
    path = config(tmp_path)
    options = {**dict(mean=MEAN, rgb=True), **options}
    mean, rgb = options.pop('mean'), options.pop('rgb')
    backbone = {**VIT, 'init_cfg': dict(type='Pretrained', checkpoint='SET-ME'), **options}
    Path(path).write_text(CONFIG.format(backbone=backbone, mean=mean, rgb=rgb))
    assert verify([path, str(case.path)]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('error: ') and said in error


def test_lists_and_whole_models(tmp_path, capsys):
    """The tool takes every form of init_cfg that a training takes."""
    case, path = dino(tmp_path), Path(config(tmp_path))
    entries = [dict(type='Normal', layer='Linear'), dict(type='Pretrained', checkpoint='SET-ME')]
    text = CONFIG.format(backbone={**VIT, 'init_cfg': entries}, mean=MEAN, rgb=True)
    path.write_text(text)
    assert verify([str(path), str(case.path)]) == 0
    printed = capsys.readouterr().out
    assert 'loaded 30 of 30 tensors of VisionTransformer' in printed

    model = FakeRunner(config(tmp_path), case.path).model
    whole = tmp_path / 'model.pth'
    torch.save(dict(state_dict=model.state_dict()), whole)
    text = CONFIG.format(backbone=VIT, mean=MEAN, rgb=True)
    entry = "init_cfg=dict(type='Pretrained', checkpoint='SET-ME'),\n    data_preprocessor"
    path.write_text(text.replace('data_preprocessor', entry))
    assert verify([str(path), str(whole)]) == 0
    said = 'assumed: 3 heads, as the file names no model: no rotary positions, GELU'
    printed = capsys.readouterr().out
    assert 'agrees: 2 blocks' in printed and said in printed


def test_an_image_that_is_none(tmp_path, capsys):
    case = dino(tmp_path)
    (tmp_path / 'image.png').write_text('no image')
    for name in ('image.png', 'missing.png'):
        arguments = [config(tmp_path), str(case.path), '--image', str(tmp_path / name)]
        assert verify(arguments) == 1
        assert f"{name}' is no image that can be read" in capsys.readouterr().err


class FakeRunner(Runner):
    """The parts of a runner that the hook reads."""

    def __init__(self, path: str, checkpoint: Path, resume=False) -> None:
        self.cfg = Config.fromfile(path)
        self.cfg.model.backbone.init_cfg.checkpoint = str(checkpoint)
        self._resume, self._load_from = resume, None
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            self.model = ROOT.build(self.cfg.model)
        self.model.init_weights()


def test_hook(tmp_path, log):
    case = dino(tmp_path)
    runner = FakeRunner(config(tmp_path), case.path)
    state, training = torch.get_rng_state(), runner.model.backbone.training
    VerifyTransferHook().before_train(runner)
    assert torch.equal(torch.get_rng_state(), state)  # the training is the same with it
    assert runner.model.backbone.training is training
    assert any(
        text.startswith('model.backbone against timm with the tensors of file.pth: 2 blocks')
        for text in log
    )
    assert not any('was trained on images' in text for text in log)
    with torch.no_grad():
        runner.model.backbone.layers[1].attn.proj.weight[:5] += 0.5  # as if it hadn't arrived
    with pytest.raises(UserError, match='does not compute what the file does'):
        VerifyTransferHook().before_train(runner)
    runner._resume = True
    VerifyTransferHook().before_train(runner)  # its weights are the run's own


def warnings_of(runner: Runner) -> list[str]:
    """The hook's warnings."""
    records = []
    logger = MMLogger.get_current_instance()
    handler = logging.Handler()
    handler.emit = records.append
    logger.addHandler(handler)
    VerifyTransferHook().before_train(runner)
    logger.removeHandler(handler)
    return [r.getMessage() for r in records if r.levelno == logging.WARNING]


def test_hook_warns_of_another_normalisation(tmp_path):
    runner = FakeRunner(config(tmp_path, rgb=False), dino(tmp_path).path)
    (warning,) = warnings_of(runner)
    assert 'was trained on images with mean (123.675, 116.28, 103.53)' in warning
    assert 'BGR' in warning
    runner = FakeRunner(config(tmp_path), timm_safetensors(tmp_path).path)
    (warning,) = warnings_of(runner)
    assert "model.safetensors doesn't tell what its images were normalised with" in warning


def change_backbone(runner: Runner, path: Path, init_cfg=None, **options) -> None:
    init_cfg = dict(type='Pretrained', checkpoint=str(path), **(init_cfg or {}))
    runner.model.backbone = ROOT.build({**VIT, **options, 'init_cfg': init_cfg})
    runner.model.backbone.init_weights()


@pytest.mark.parametrize(
    'write, options, allow, assumed',
    [
        (dinov2, dict(arch={**VIT['arch'], 'num_heads': 4}), dict(heads=True), '4 heads'),
        (
            dino,
            dict(layer_scale_init_value=0.1),
            dict(missing=['*.gamma[12].weight']),
            "4 tensors that the file hasn't",
        ),
        (dino, dict(qkv_bias=False), dict(unexpected=['*.qkv.bias']), '3 heads'),
        (
            deit_distilled,
            dict(type='mmpretrain.VisionTransformer'),
            dict(unexpected=['dist_token']),
            '3 heads',
        ),
    ],
    ids=['heads', 'missing', 'unexpected', 'distillation'],
)
def test_what_is_allowed_is_on_both_sides(write, options, allow, assumed, tmp_path, log):
    case = write(tmp_path)
    runner = FakeRunner(config(tmp_path), dino(tmp_path).path)
    case = write(tmp_path)
    change_backbone(runner, case.path, dict(allow=allow), **{**case.backbone, **options})
    VerifyTransferHook().before_train(runner)
    (line,) = [text for text in log if text.startswith('model.backbone against timm')]
    assert assumed in line
    with torch.no_grad():
        runner.model.backbone.layers[1].attn.proj.weight[:5] += 0.5
    with pytest.raises(UserError, match='does not compute what the file does'):
        VerifyTransferHook().before_train(runner)


def test_an_initialisation_that_was_not_carried_out(tmp_path):
    class Forgetful(VisionTransformer):
        def init_weights(self) -> None:
            pass

    path = dino(tmp_path).path
    runner = FakeRunner(config(tmp_path), path)
    options = {key: value for key, value in VIT.items() if key != 'type'}
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    runner.model.backbone = Forgetful(**options, init_cfg=init_cfg)
    runner.model.backbone.init_weights()
    with pytest.raises(UserError, match=r'Forgetful has to call super\(\).init_weights\(\)'):
        VerifyTransferHook().before_train(runner)


@pytest.mark.parametrize('frozen', [False, True])
def test_a_backbone_that_starts_at_random_is_named(frozen, tmp_path, log):
    runner = FakeRunner(config(tmp_path), dino(tmp_path).path)
    runner.model.backbone = ROOT.build({**VIT, 'frozen_stages': 1 if frozen else -1})
    warnings = warnings_of(runner)
    assert any('model.backbone starts at random' in text for text in log)
    assert [warning.endswith('its frozen_stages stay so.') for warning in warnings] == [
        True
    ] * frozen


def test_a_whole_model_from_a_file_of_the_same(tmp_path, log):
    runner = FakeRunner(config(tmp_path), dino(tmp_path).path)
    path = tmp_path / 'model.pth'
    torch.save(dict(state_dict=runner.model.state_dict()), path)
    runner.model.init_cfg = dict(type='Pretrained', checkpoint=str(path))
    runner.model._is_init = False
    runner.model.init_weights()
    log.clear()
    VerifyTransferHook().before_train(runner)  # and not once more for the backbone's own
    (line,) = [text for text in log if 'against timm' in text]
    assert line.startswith('model.backbone against timm with the tensors of model.pth: 2 blocks')


@pytest.mark.parametrize('kind', ['names', 'tables'])
def test_a_fault_of_the_loader_shows(kind, tmp_path, monkeypatch):
    """The other side neither renames nor resizes by the same code."""
    if kind == 'names':  # queries for keys
        case = hugging_face_vit(tmp_path)
        wrong = names.HF_VIT
        rules = tuple(
            dataclasses.replace(rule, theirs=(rule.theirs[1], rule.theirs[0], rule.theirs[2]))
            if len(rule.theirs) == 3
            else rule
            for rule in wrong.rules
        )
        changed = dataclasses.replace(wrong, rules=rules)
        others = tuple(changed if d is wrong else d for d in names.NAMINGS)
        monkeypatch.setattr(names, 'NAMINGS', others)
        options = case.backbone
    else:
        case = beit(tmp_path)
        options = {**case.backbone, 'img_size': 64}

        def nothing(tensors, targets):
            for name in [name for name in tensors if name.endswith('bias_table')]:
                tensors[name] = torch.zeros_like(targets[name])
            return []

        monkeypatch.setattr(loading, 'fit_relative_position', nothing)
    init_cfg = dict(type='Pretrained', checkpoint=str(case.path))
    backbone = ROOT.build({**options, 'init_cfg': init_cfg})
    backbone.init_weights()
    checkpoint, selection, allow = source_of(backbone, init_cfg)
    assert compare_with_source(backbone, checkpoint, selection, allow=allow).worst > 1e-4


@pytest.mark.parametrize(
    'backbone',
    [
        dict(type='mmpretrain.ResNet', depth=18),
        dict(type='mmpretrain.ConvNeXt', arch=dict(depths=[1] * 4, channels=[8] * 4)),
        dict(type='mmpretrain.RevVisionTransformer', arch='deit-tiny', img_size=32),
    ],
    ids=lambda backbone: backbone['type'],
)
def test_others_are_named_as_not_compared(backbone, tmp_path, log):
    """Also where names are a ViT's, but not what is computed (reversible blocks)."""
    module = ROOT.build(backbone)
    path = tmp_path / 'file.pth'
    torch.save(module.state_dict(), path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    runner = FakeRunner(config(tmp_path), dino(tmp_path).path)
    torch.save(module.state_dict(), path)
    runner.model.backbone = ROOT.build(dict(backbone, init_cfg=init_cfg))
    runner.model.backbone.init_weights()
    VerifyTransferHook().before_train(runner)
    kind = type(module).__name__
    said = f'features not compared with the file: {kind} is no ViT, BEiT or Swin'
    assert any(said in text for text in log)


CONV_MAE = dict(
    type='mmpretrain.MaskedConvMAE',
    arch=dict(embed_dims=(8, 12, 16), depths=(1, 2, 2), num_heads=2),
    img_size=32,
)


@pytest.mark.parametrize(
    'source, changes, allow, wrong, blocks',
    [
        # three stems, three convolutional blocks, the projection and two attentive blocks
        (
            CONV_MAE,
            dict(fuse=False, out_type='avg_featmap'),
            dict(unexpected=['fusions.*']),
            None,
            9,
        ),
        # and the final norm, and two fusions
        (
            CONV_MAE,
            dict(img_size=64),
            {},
            dict(arch={**CONV_MAE['arch'], 'num_heads': 4}),
            12,
        ),
        # the first convolution and its norm; four stages
        (dict(type='mmpretrain.ResNet', depth=50), {}, {}, dict(style='caffe'), 6),
    ],
    ids=['ConvMAE', 'ConvMAE at another size', 'ResNet'],
)
def test_others_against_the_config_in_their_file(
    source, changes, allow, wrong, blocks, tmp_path, log
):
    """Another stride or number of heads shows in features alone."""
    module = ROOT.build(source)
    with torch.no_grad():
        for value in module.parameters():
            value.add_(0.1 * torch.randn_like(value))
    path = tmp_path / 'file.pth'
    state = {f'backbone.{name}': value for name, value in module.state_dict().items()}
    runner = FakeRunner(config(tmp_path), dino(tmp_path).path)
    torch.save(dict(state_dict=state, meta=dict(cfg=f'model = dict(backbone={source})')), path)

    def start(allow: dict, **options) -> None:
        init_cfg = dict(type='Pretrained', checkpoint=str(path), allow=allow)
        runner.model.backbone = ROOT.build({**source, **options, 'init_cfg': init_cfg})
        runner.model.backbone.init_weights()
        VerifyTransferHook().before_train(runner)

    start(allow, **changes)
    kind = type(module).__name__
    (line,) = [text for text in log if f'against the {kind} of the file' in text]
    assert f'file.pth: {blocks} blocks, largest relative difference 0.0e+00' in line
    if wrong is not None:
        with pytest.raises(UserError, match='does not compute what the file does'):
            start(dict(heads=True) if 'arch' in wrong else {}, **wrong)


@pytest.mark.parametrize('write', [mmseg_vit, mmseg_swin])
@pytest.mark.parametrize('twice', [False, True])
def test_backbones_that_read_checkpoints_themselves(write, twice, tmp_path, log):
    """mmseg's own classes are as strict, inside of the launcher."""
    from mmseg.models import backbones

    case = write(tmp_path)
    init_cfg = dict(type='Pretrained', checkpoint=str(case.path))
    if write is mmseg_vit:
        shape = dict(img_size=64 if twice else 32, patch_size=8, embed_dims=12)
        shape.update(num_layers=2, num_heads=3)
        module = backbones.VisionTransformer(**shape, init_cfg=init_cfg)
        wrong = backbones.VisionTransformer(**{**shape, 'num_layers': 3}, init_cfg=init_cfg)
    else:
        arch = case.backbone['arch']
        shape = dict(embed_dims=8, depths=arch['depths'], num_heads=arch['num_heads'])
        shape.update(window_size=6 if twice else 4)
        module = backbones.SwinTransformer(**shape, init_cfg=init_cfg)
        wrong = backbones.SwinTransformer(**{**shape, 'depths': [1, 1, 1, 1]}, init_cfg=init_cfg)
    with strict_loading(module):
        module.init_weights()
    assert 'init_weights' not in vars(module)
    assert any(text.startswith('loaded ') for text in log)
    tensors = torch.load(case.path)['state_dict']
    for name, value in module.state_dict().items():
        if value.shape == tensors[f'backbone.{name}'].shape:
            assert torch.equal(value, tensors[f'backbone.{name}']), name
        else:
            assert twice and ('pos_embed' in name or 'relative' in name)
    with strict_loading(wrong), pytest.raises(UserError, match='depth'):
        wrong.init_weights()


def test_a_swin_whose_last_stage_never_shifts(tmp_path, log):
    """MST's, in a linear probe: it is plain Swin where the last map is one window."""
    arch = dict(embed_dims=8, depths=[1, 1, 2], num_heads=[1, 2, 4])
    swin = dict(type='MaskedSwinTransformer', arch=arch, img_size=32, patch_size=2, window_size=4)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        backbone = ROOT.build(dict(swin, with_mask_token=False))
        backbone.init_weights()
        path = tmp_path / 'swin.pth'
        torch.save({f'backbone.{name}': v for name, v in backbone.state_dict().items()}, path)
        init_cfg = dict(type='Pretrained', checkpoint=str(path), source='auto')
        loaded = ROOT.build(dict(swin, with_mask_token=False, init_cfg=init_cfg))
    with strict_loading(loaded):
        loaded.init_weights()
    comparison = compare_with_source(loaded, *source_of(loaded, init_cfg)[:2])
    assert comparison.equal and comparison.size == (32, 32)
