"""Weights for tests of whole models and of lone backbones."""

from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseModel
from mmpretrain.registry import MODELS
from tiny_backbones import ARCH, CONFIG_TEXT, VIT, build_vit, randomise

from mmmask.transfer import load_for_test, load_full
from mmmask.utils.errors import UserError


class Lone(BaseModel):
    """Nothing but a backbone."""

    def __init__(self, **options) -> None:
        super().__init__()
        self.backbone = build_vit(**options)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return self.backbone(inputs)


def classifier(**options):
    backbone = dict(type='mmpretrain.VisionTransformer', **{**VIT, **options})
    head = dict(type='mmpretrain.VisionTransformerClsHead', num_classes=3, in_channels=12)
    return MODELS.build(
        dict(type='mmpretrain.ImageClassifier', backbone=backbone, neck=None, head=head)
    )


@pytest.fixture
def file_of_classifier(tmp_path):
    model = randomise(classifier(), 5)
    text = CONFIG_TEXT.replace('MaskedVisionTransformer', 'VisionTransformer')
    torch.save(dict(state_dict=model.state_dict(), meta=dict(cfg=text)), tmp_path / 'c.pth')
    return model, str(tmp_path / 'c.pth')


def test_lone_backbone_takes_pretraining(checkpoint, student, teacher):
    model = Lone()
    load_for_test(model, str(checkpoint))
    assert torch.equal(model.backbone.cls_token, teacher.cls_token)
    load_for_test(model, str(checkpoint), source='student')
    assert torch.equal(model.backbone.cls_token, student.cls_token)
    with pytest.raises(UserError, match='depth 3 in the file, 2 in the config'):
        load_for_test(Lone(arch={**ARCH, 'num_layers': 2}), str(checkpoint))


def test_whole_model(file_of_classifier):
    source, path = file_of_classifier
    model = classifier()
    assert load_for_test(model, path).startswith('loaded 44 of 44 tensors of ImageClassifier')
    theirs = source.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    'options, said',
    [
        (
            dict(arch={**ARCH, 'num_heads': 2}),
            'attention heads 3 in the file (from the config in the file), 2',
        ),
        (dict(arch={**ARCH, 'num_layers': 2}), 'depth 3 in the file, 2'),
        (dict(img_size=64), 'backbone.pos_embed (1, 37, 12) in the file, (1, 65, 12)'),
    ],
)
def test_whole_model_of_another_architecture(file_of_classifier, options, said):
    with pytest.raises(UserError) as error:
        load_for_test(classifier(**options), file_of_classifier[1])
    assert said in str(error.value) and '\n' not in str(error.value)


def test_whole_model_needs_its_head(checkpoint, file_of_classifier):
    with pytest.raises(UserError, match='head.layers.head.weight'):
        load_for_test(classifier(), str(checkpoint))
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(type='mmpretrain.VisionTransformer', **VIT),
        )
    )
    with pytest.raises(UserError, match='2 not in the config .head.layers.head.weight'):
        load_full(model, file_of_classifier[1])


def test_damaged(tmp_path, checkpoint):
    (tmp_path / 'cut.pth').write_bytes(checkpoint.read_bytes()[:-2000])
    with pytest.raises(UserError, match='truncated'):
        load_for_test(Lone(), str(tmp_path / 'cut.pth'))
