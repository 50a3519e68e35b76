"""The suggested backbone as a detector and a segmenter take it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from foreign_checkpoints import (
    DEPTH,
    HEADS,
    WIDTH,
    beit,
    beit_shared,
    deit_distilled,
    dinov2_registers_swiglu,
    hugging_face_vit,
    ibot_swin_student,
    mmseg_vit,
    self_distillation,
    swin,
    timm_mean_pooled,
    timm_registers,
)
from mmpretrain.registry import MODELS

from mmmask.transfer import Allowed, load_strictly, read_checkpoint, select_backbone
from mmmask.transfer.reference import block_outputs, relative_differences
from mmmask.transfer.settings import settings_of
from mmmask.transfer.suggest import build_suggested, dense_options, suggest_backbone


def dense_backbone(path):
    """Built, with all of the file's tensors in it."""
    checkpoint = read_checkpoint(str(path))
    selection = select_backbone(checkpoint)
    settings = settings_of(checkpoint, selection)
    settings = dataclasses.replace(settings, heads=settings.heads or HEADS)
    backbone = suggest_backbone(selection.tensors, settings)
    module = MODELS.build({**backbone, **dense_options(backbone)})
    load_strictly(module, checkpoint, selection, Allowed())
    module.eval()  # which returns nothing in mmpretrain's ViT
    return module


@pytest.mark.parametrize(
    'write',
    [
        beit,
        beit_shared,
        deit_distilled,
        dinov2_registers_swiglu,
        mmseg_vit,
        self_distillation,
        timm_mean_pooled,
        timm_registers,
    ],
)
def test_a_vit_with_the_dense_options_gives_maps(write, tmp_path):
    module = dense_backbone(write(tmp_path).path)
    maps = module(torch.rand(2, 3, 32, 32))  # 4 x 4 patches of 8 pixels
    assert [tuple(m.shape) for m in maps] == [(2, WIDTH, 4, 4)] * DEPTH


def test_a_vit_without_a_cls_token_gives_maps(tmp_path):
    content = {
        name: value
        for name, value in torch.load(self_distillation(tmp_path).path)['state_dict'].items()
        if not name.endswith('cls_token')
    }
    for name in [name for name in content if name.endswith('pos_embed')]:
        content[name] = content[name][:, 1:]
    torch.save(dict(state_dict=content), tmp_path / 'new.pth')
    maps = dense_backbone(tmp_path / 'new.pth')(torch.rand(1, 3, 32, 48))
    assert [tuple(m.shape) for m in maps] == [(1, WIDTH, 4, 6)] * DEPTH


def test_a_swin_with_the_dense_options_gives_maps(tmp_path):
    maps = dense_backbone(swin(tmp_path).path)(torch.rand(1, 3, 128, 160))
    sizes = [(8, 32, 40), (16, 16, 20), (32, 8, 10), (64, 4, 5)]
    assert [tuple(m.shape[1:]) for m in maps] == sizes


def test_hugging_face_s_vit_gives_maps(tmp_path):
    maps = dense_backbone(hugging_face_vit(tmp_path).path)(torch.rand(1, 3, 16, 16))
    assert [tuple(m.shape) for m in maps] == [(1, 8, 4, 4)] * 2


@pytest.mark.parametrize(
    'depth, blocks',
    [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (12, [3, 5, 7, 11]), (24, [7, 11, 15, 23])],
)
def test_maps_are_of_the_blocks_that_ibot_takes(depth, blocks):
    options = dense_options(dict(arch=dict(num_layers=depth)))
    assert options == dict(out_type='featmap', out_indices=blocks, final_norm=False)


def test_ibot_s_swin_has_its_own_epsilon(tmp_path):
    """In all of its norms, also without a config."""
    case = ibot_swin_student(tmp_path)
    checkpoint = read_checkpoint(str(case.path))
    selection = select_backbone(checkpoint, 'student')
    backbone = build_suggested(
        suggest_backbone(selection.tensors, settings_of(checkpoint, selection))
    )
    norms = [part for part in backbone.modules() if isinstance(part, torch.nn.LayerNorm)]
    assert {norm.eps for norm in norms} == {1e-6}
    load_strictly(backbone, checkpoint, selection, Allowed())
    features = block_outputs(backbone, case.images)
    assert max(relative_differences(features, case.features)) < 1e-5
