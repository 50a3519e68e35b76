"""The backbones of a file are found by its tensors' names."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from foreign_checkpoints import mmpretrain_model
from mmpretrain.registry import MODELS
from tiny_backbones import below

from mmmask.transfer import Checkpoint, read_checkpoint, select_backbone
from mmmask.transfer.formats import available_sources, format_of, known_below


def test_a_file_of_a_momentum_encoder_has_two_sources(tmp_path):
    case = mmpretrain_model(tmp_path)
    tensors = torch.load(case.path)['state_dict']
    model = MODELS.build(dict(case.backbone))
    momentum = below('momentum_encoder.module.0.', model)
    torch.save(dict(state_dict={**tensors, **momentum}), case.path)
    checkpoint = read_checkpoint(str(case.path))
    name = 'layers.0.attn.qkv.weight'
    student = select_backbone(checkpoint)
    teacher = select_backbone(checkpoint, 'teacher')
    assert torch.equal(student.tensors[name], tensors[f'backbone.{name}'])
    assert torch.equal(teacher.tensors[name], model.state_dict()[name])
    assert len(student.others) == len(momentum)


@pytest.mark.parametrize(
    'name, prefixes',
    [
        ('encoder.patch_embed.proj.weight', ['encoder.']),
        ('net.backbone.patch_embed.proj.weight', ['net.backbone.']),
        ('model.patch_embed.projection.weight', ['model.']),
        ('patch_embed.proj.weight', []),
        ('encoder.my_patch_embed.proj.weight', []),
        ('encoder.stem.weight', []),
    ],
)
def test_prefixes_below_which_a_backbone_is_known(name, prefixes):
    below_what = name.rpartition('patch_embed')[0]
    names = (name, f'{below_what}blocks.0.attn.qkv.weight', 'decoder.0.weight', 'mask_token')
    checkpoint = Checkpoint('x.pth', OrderedDict((name, torch.zeros(1)) for name in names))
    assert known_below(checkpoint) == prefixes


def test_names_that_no_naming_knows_below_a_prefix():
    names = ('stem.patch_embed.proj.weight', 'stem.stages.0.conv.weight')
    checkpoint = Checkpoint('x.pth', OrderedDict((name, torch.zeros(1)) for name in names))
    assert known_below(checkpoint) == []


def test_a_teacher_beside_others_is_no_backbone_s_format():
    """Only where a student is, too: below 'teacher.' may be anything's."""
    tensors = {f'{part}.a': torch.zeros(1) for part in ('teacher', 'student', 'neck')}
    both = Checkpoint('x.pth', OrderedDict(tensors))
    assert available_sources(both) == ['teacher', 'student']
    del tensors['student.a']
    assert available_sources(Checkpoint('x.pth', OrderedDict(tensors))) == ['student']
    assert format_of(tensors).name == 'bare backbone'
