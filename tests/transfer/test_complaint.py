"""What an error about a checkpoint advises."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS
from test_pretrained import line, load, message_of, save
from tiny_backbones import VIT, below, build_vit, randomise

from mmmask.transfer import load_full
from mmmask.utils.errors import UserError

SAME = 'Make the config the one it was trained with'
CLASSIFIER = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(VIT, type='mmpretrain.VisionTransformer'),
    head=dict(type='mmpretrain.LinearClsHead', num_classes=2, in_channels=12),
)


def test_a_backbone_below_another_prefix(tmp_path, log):
    path = save(tmp_path, below('encoder.', randomise(build_vit(), 1)))
    text = message_of(path)
    assert text.endswith("Its backbone is elsewhere: set init_cfg.prefix='encoder.'.")
    load(path, init_cfg=dict(prefix='encoder.'))
    assert 'loaded 42 of 42' in line(log)


def test_a_backbone_that_is_found_but_another(checkpoint):
    text = message_of(checkpoint, patch_size=16)
    assert SAME in text and 'init_cfg.allow=dict(missing=[...], unexpected=[...])' in text


def test_a_pretraining_for_a_whole_model(checkpoint, tmp_path, student):
    """It is neither of the same architecture nor an exception, but for ``init_cfg``."""
    bare = save(tmp_path, student.state_dict())
    for path, kind in ((checkpoint, 'self-distillation'), (bare, 'bare backbone')):
        with pytest.raises(UserError) as error:
            load_full(MODELS.build(CLASSIFIER), str(path))
        assert str(error.value).endswith(
            f'It is a pre-training checkpoint ({kind}), which a training starts from by '
            f'model.backbone.init_cfg.checkpoint={path}.'
        )
        model = MODELS.build(
            dict(CLASSIFIER, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
        )
        with pytest.raises(UserError, match='It is a pre-training checkpoint'):
            model.init_weights()


def test_another_model_for_a_whole_model(tmp_path):
    tensors = MODELS.build(CLASSIFIER).state_dict()
    tensors['head.fc.weight'] = torch.ones(3, 12)
    heads = "model = dict(backbone=dict(type='VisionTransformer', arch=dict(num_heads=4)))"
    path = save(tmp_path, tensors, heads)
    with pytest.raises(UserError, match=SAME) as error:
        load_full(MODELS.build(CLASSIFIER), str(path))
    assert '1 of another shape (head.fc.weight (3, 12) in the file, (2, 12)' in str(error.value)
    assert 'heads 4 in the file (from the config in the file), 3 in the config;' in str(error.value)
    assert 'allow' not in str(error.value)


def test_a_pretraining_for_a_pretraining(checkpoint):
    """As a whole model it may be wrong in a part."""
    student, teacher = build_vit(), torch.nn.Module()
    teacher.backbone = build_vit()
    model = torch.nn.ModuleDict(dict(backbone=student, teacher=teacher))
    with pytest.raises(UserError, match=f'{SAME} .*[)][.]$'):
        load_full(model, str(checkpoint))
