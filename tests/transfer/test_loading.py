"""A module gets all of its tensors, with finite values, or an error says why not."""

from __future__ import annotations

import pytest
import timm
import torch
from mmengine.model import BaseModel
from mmpretrain.registry import MODELS
from mmseg.models.backbones import VisionTransformer
from tiny_backbones import (
    ARCH,
    CONFIG_TEXT,
    VIT,
    assert_same,
    below,
    build_vit,
    load,
    message_of,
    randomise,
    save,
)

from mmmask.transfer import (
    Allowed,
    load_for_test,
    load_full,
    load_strictly,
    read_checkpoint,
    select_backbone,
)
from mmmask.utils.errors import UserError

EPS = 'was trained with layer norms of eps='
HEADS = "doesn't tell its number of attention heads"


def test_values_that_are_no_numbers(tmp_path, content):
    state_dict = {name: value.clone() for name, value in content['state_dict'].items()}
    for name in ('cls_token', 'layers.0.ln1.bias', 'layers.2.ln1.bias', 'ln1.bias'):
        state_dict[f'teacher.backbone.{name}'].view(-1)[0] = float('nan')
    path = save(tmp_path, state_dict, CONFIG_TEXT)
    text = message_of(path)
    assert '4 with NaN or infinity (cls_token, layers.0.ln1.bias, layers.2.ln1.bias, ...)' in text
    load(path, init_cfg=dict(source='student'))  # which is whole
    state_dict['backbone.ln1.weight'][0] = float('inf')
    path = save(tmp_path, state_dict, CONFIG_TEXT)
    assert '1 with NaN or infinity (ln1.weight)' in message_of(
        path, init_cfg=dict(source='student')
    )


def test_values_that_are_all_zero(tmp_path, content):
    zero = {name: torch.zeros_like(value) for name, value in content['state_dict'].items()}
    assert 'every value is zero' in message_of(save(tmp_path, zero, CONFIG_TEXT))
    zero['teacher.backbone.cls_token'] += 1
    load(save(tmp_path, zero, CONFIG_TEXT))


def test_wrong_shapes_are_named_beside_missing_tensors(tmp_path, content):
    state_dict = dict(content['state_dict'])
    del state_dict['teacher.backbone.layers.1.ln1.bias']
    for name in ('layers.0.ln1.weight', 'layers.2.attn.proj.weight'):
        state_dict[f'teacher.backbone.{name}'] = torch.ones(5)
    path = save(tmp_path, state_dict, CONFIG_TEXT)
    shapes = (
        '2 of another shape (layers.0.ln1.weight (5,) in the file, (12,) in the config, '
        'layers.2.attn.proj.weight (5,) in the file, (12, 12) in the config)'
    )
    text = message_of(path)
    assert '1 missing in the file (layers.1.ln1.bias)' in text and shapes in text
    assert shapes in message_of(path, arch={**ARCH, 'num_layers': 4})  # depth explains none
    wide = message_of(path, arch={**ARCH, 'embed_dims': 24})
    assert 'embed_dims 12 in the file, 24 in the config' in wide and 'another shape' not in wide


def test_a_selection_is_not_changed(checkpoint):
    file = read_checkpoint(str(checkpoint))
    selection = select_backbone(file)
    before = {name: value.clone() for name, value in selection.tensors.items()}
    load_strictly(build_vit(img_size=32), file, selection, Allowed())
    assert selection.tensors.keys() == before.keys()
    assert all(torch.equal(selection.tensors[name], value) for name, value in before.items())


def swin(tmp_path, eps: float):
    arch = dict(embed_dims=8, depths=[1, 1], num_heads=[1, 2])
    config = dict(type='mmpretrain.SwinTransformer', arch=arch, out_indices=[1], img_size=56)
    source = randomise(MODELS.build(config), 4)
    norm = f"norm_cfg=dict(type='LN', eps={eps})"
    text = f"model = dict(backbone=dict(type='SwinTransformer', {norm}))"
    path = save(tmp_path, below('backbone.', source), text)
    return MODELS.build(dict(config, init_cfg=dict(type='Pretrained', checkpoint=str(path))))


@pytest.mark.parametrize('eps', [1e-6, 1e-5])
def test_epsilons(tmp_path, eps, log):
    """Of a Swin, whose heads its tables show, and mmseg's ViT: by the file's config."""
    swin(tmp_path, eps).init_weights()
    assert any(EPS in text for text in log) == (eps == 1e-6)
    assert not any(HEADS in text for text in log)
    log.clear()
    source = VisionTransformer(
        img_size=48, patch_size=8, embed_dims=12, num_layers=2, num_heads=3, mlp_ratio=2
    )
    path = str(save(tmp_path, below('backbone.', randomise(source, 1))))
    selection = select_backbone(file := read_checkpoint(path))
    vit = build_vit(
        arch={**ARCH, 'num_layers': 2}, final_norm=False, norm_cfg=dict(type='LN', eps=eps)
    )
    load_strictly(vit, file, selection, Allowed())
    assert any(EPS in text for text in log) == (eps == 1e-6)  # mmseg's have 1e-5


def test_unknown_heads_are_warned_of_when_the_rest_fits(tmp_path, log):
    path = save(tmp_path, randomise(build_vit(), 1).state_dict())
    message_of(path, arch={**ARCH, 'embed_dims': 24})
    assert not any(HEADS in text for text in log)
    load(path)
    assert any(HEADS in text and 'make sure that it is 3' in text for text in log)


def test_tables_of_relative_positions_tell_heads(tmp_path, log):
    beit = dict(
        type='mmpretrain.BEiTViT', arch=ARCH, img_size=48, patch_size=8, use_abs_pos_emb=False
    )
    path = save(tmp_path, randomise(MODELS.build(beit), 1).state_dict())
    MODELS.build(dict(beit, init_cfg=dict(type='Pretrained', checkpoint=str(path)))).init_weights()
    assert any(text.startswith('loaded ') for text in log)
    assert not any(HEADS in text for text in log)


def test_a_bias_in_front_of_mmseg_s_vit_is_dropped_only_if_it_is_zero(tmp_path):
    """Its patch projection has none by default."""
    source = randomise(build_vit(final_norm=False, out_type='featmap'), 1)
    options = dict(img_size=48, patch_size=8, embed_dims=12, num_layers=3, num_heads=3, mlp_ratio=2)
    name = 'patch_embed.projection.bias'
    tensors = source.state_dict()
    path = str(save(tmp_path, tensors))
    vit = VisionTransformer(**options)
    assert name not in vit.state_dict()
    file = read_checkpoint(path)
    with pytest.raises(UserError, match=r'1 not in the config \(patch_embed.projection.bias\)'):
        load_strictly(vit, file, select_backbone(file), Allowed())
    tensors[name] = torch.zeros(12)
    file = read_checkpoint(str(save(tmp_path, tensors)))
    load_strictly(vit, file, select_backbone(file), Allowed())
    assert_same(
        torch.nn.ModuleDict(dict(a=vit.patch_embed.projection)),
        torch.nn.ModuleDict(dict(a=source.patch_embed.projection)),
    )


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


def foreign(tmp_path, shape=None, rename=lambda name: name):
    """Write a classifier of timm's, and return it with the path."""
    size = dict(img_size=48, patch_size=8, embed_dim=12, depth=3, num_heads=3, mlp_ratio=2)
    model = randomise(timm.models.VisionTransformer(**size, num_classes=3), 6).eval()
    tensors = {rename(name): value for name, value in model.state_dict().items()}
    if shape is not None:
        tensors['head.weight'] = torch.zeros(*shape)
    torch.save(dict(model=tensors), tmp_path / 'timm.pth')
    return model, str(tmp_path / 'timm.pth')


@pytest.mark.parametrize('kind', ['VisionTransformerClsHead', 'LinearClsHead'])
@pytest.mark.parametrize('named', ['head', 'fc', 'classifier'])
def test_a_classifier_of_another_library(tmp_path, kind, named):
    source, path = foreign(tmp_path, rename=lambda name: name.replace('head.', f'{named}.'))
    model = classifier()
    model.head = MODELS.build(dict(type=f'mmpretrain.{kind}', num_classes=3, in_channels=12))
    load_for_test(model, path)
    images = torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        mine = model.eval().head(model.extract_feat(images))
        torch.testing.assert_close(mine, source(images), rtol=1e-4, atol=1e-5)


def test_a_classifier_of_another_library_that_does_not_fit(tmp_path):
    for options, message in (
        (dict(shape=(5, 12)), r'layers.head.weight \(5, 12\) in the file, \(3, 12\) in the config'),
        (dict(rename=lambda name: name.replace('head.', 'decoder_')), 'is a pre-training checkpo'),
        (dict(rename=lambda name: name.replace('norm.bias', 'fc.bias')), 'a pre-training checkp'),
    ):
        with pytest.raises(UserError, match=message) as error:
            load_for_test(classifier(), foreign(tmp_path, **options)[1])
        assert '\n' not in str(error.value)


def test_damaged(tmp_path, checkpoint):
    (tmp_path / 'cut.pth').write_bytes(checkpoint.read_bytes()[:-2000])
    with pytest.raises(UserError, match='truncated'):
        load_for_test(Lone(), str(tmp_path / 'cut.pth'))
