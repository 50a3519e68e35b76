"""Only what ``init_cfg.allow`` names may not fit; an error says what to do about the rest."""

from __future__ import annotations

import copy

import pytest
import torch
from mmpretrain.registry import MODELS
from tiny_backbones import (
    ARCH,
    CONFIG_TEXT,
    VIT,
    assert_same,
    below,
    build_vit,
    line,
    load,
    message_of,
    randomise,
    save,
)

from mmmask.transfer import Allowed, load_full
from mmmask.utils.errors import UserError

SAME = 'Make the config the one it was trained with'
CLASSIFIER = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(VIT, type='mmpretrain.VisionTransformer'),
    head=dict(type='mmpretrain.LinearClsHead', num_classes=2, in_channels=12),
)
SHALLOW = dict(arch={**ARCH, 'num_layers': 2})


def allowing(**names) -> dict:
    return dict(init_cfg=dict(allow=names))


@pytest.fixture
def odd(tmp_path, content):
    """A file with a tensor less and one more."""
    state_dict = copy.copy(content['state_dict'])
    del state_dict['teacher.backbone.layers.1.ln1.bias']
    state_dict['teacher.backbone.layers.1.extra'] = torch.zeros(1)
    return save(tmp_path, state_dict, CONFIG_TEXT)


def test_exceptions_are_named_one_by_one(odd, teacher, log):
    missing, unexpected = ['layers.1.ln1.bias'], ['layers.1.ex*']
    vit = load(odd, **allowing(missing=missing, unexpected=unexpected))
    assert_same(vit, teacher, but=missing)
    assert 'loaded 41 of 42' in line(log)
    assert 'left 1 as initialised (layers.1.ln1.bias)' in line(log)
    load(odd, **allowing(missing=missing[0], unexpected=unexpected[0]))  # one needs no list
    assert '1 missing in the file' in message_of(odd, **allowing(unexpected=unexpected))
    assert '1 not in the config' in message_of(odd, **allowing(missing=missing))


def test_what_is_no_exception_is_said_when_nothing_else_is_wrong(odd, checkpoint):
    text = message_of(checkpoint, **allowing(missing=['ln1.bias']))
    assert text == "init_cfg.allow names 'ln1.bias', but that isn't missing: remove it."
    text = message_of(checkpoint, **allowing(unexpected=['fusions.*']))
    assert "'fusions.*', but that isn't unexpected" in text
    text = message_of(odd, **allowing(unexpected=['fusions.*']))
    assert '1 missing in the file (layers.1.ln1.bias)' in text and 'fusions' not in text


def test_heads_are_an_exception_where_they_differ(checkpoint, tmp_path, teacher):
    four = dict(arch={**ARCH, 'num_heads': 4})
    assert_same(load(checkpoint, **allowing(heads=True), **four), teacher)
    text = message_of(checkpoint, **allowing(heads=True))
    assert 'names heads=True, but there are 3 in the file and in the config: remove it' in text
    load(save(tmp_path, below('backbone.', teacher)), **allowing(heads=True))  # nothing is known


@pytest.mark.parametrize(
    'allow, said',
    [
        (dict(extra=[]), r'init_cfg.allow is dict\('),
        (['ln1.bias'], r'init_cfg.allow is dict\('),
        ('dict(heads=True', r'init_cfg.allow is dict\('),
        (dict(missing=None), 'init_cfg.allow.missing is a list of names, not None'),
        (dict(unexpected=[1]), r'init_cfg.allow.unexpected is a list of names, not \[1\]'),
        (dict(unexpected=True), 'init_cfg.allow.unexpected is a list of names, not True'),
        (dict(heads='yes'), "init_cfg.allow.heads is True or False, not 'yes'"),
        (dict(missing=['*']), "init_cfg.allow.missing names '\\*', which is everything or nothing"),
        (dict(unexpected=['ln1.*', '*.*']), "unexpected names '\\*.\\*', which is everything"),
        (dict(missing=''), "missing names '', which is everything or nothing"),
    ],
)
def test_malformed_exceptions(allow, said):
    with pytest.raises(UserError, match=said):
        Allowed.parse(allow)


def test_loading_nothing_is_no_exception(tmp_path, log):
    path = save(tmp_path, dict(other=torch.ones(1)))
    names = ['cls_token', 'pos_embed', 'patch_embed.*', 'layers.*', 'ln1.*']
    text = message_of(path, **allowing(missing=names, unexpected=['other']))
    assert 'nothing of it is for this module' in text


def test_fewer_blocks(checkpoint, teacher, log):
    """The first two of the file's three, by the name of the third."""
    vit = load(checkpoint, **allowing(unexpected=['layers.2.*']), **SHALLOW)
    assert len(vit.layers) == 2
    assert_same(vit, teacher)
    assert 'loaded 30 of 30 tensors' in line(log)  # 12 of a block less than 42
    text = message_of(checkpoint, **allowing(unexpected=['layers.2.attn.*']), **SHALLOW)
    assert 'depth 3 in the file, 2 in the config' in text
    assert '8 not in the config (layers.2.ln1.weight, ' in text


def test_more_blocks(checkpoint, teacher, log):
    vit = load(checkpoint, arch={**ARCH, 'num_layers': 4}, **allowing(missing=['layers.3.*']))
    assert len(vit.layers) == 4
    del vit.layers[3]
    assert_same(vit, teacher)
    assert 'loaded 42 of 54' in line(log)


def test_fewer_blocks_of_a_stage(tmp_path, log):
    swin = dict(type='mmpretrain.SwinTransformer', out_indices=[1], img_size=56)
    arch = dict(embed_dims=8, depths=[1, 2], num_heads=[1, 2])
    source = randomise(MODELS.build(dict(swin, arch=arch)), 4)
    init_cfg = dict(type='Pretrained', checkpoint=str(save(tmp_path, source.state_dict())))
    swin['arch'] = dict(arch, depths=[1, 1])
    target = MODELS.build(dict(swin, init_cfg=init_cfg))
    with pytest.raises(UserError, match=r'depths \(1, 2\) in the file, \(1, 1\) in the config'):
        target.init_weights()
    init_cfg['allow'] = dict(unexpected=['stages.1.blocks.1.*'])
    target = MODELS.build(dict(swin, init_cfg=init_cfg))
    target.init_weights()
    assert_same(target, source)


def test_the_norm_of_swin_s_last_map_may_not_be_missing(tmp_path):
    """The norms of earlier maps may: pre-training has none."""
    arch = dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2])
    swin = dict(type='mmpretrain.SwinTransformer', arch=arch, img_size=64, window_size=2)
    tensors = randomise(MODELS.build(swin), 4).state_dict()
    init_cfg = dict(type='Pretrained', checkpoint=str(save(tmp_path, tensors)))
    MODELS.build(dict(swin, out_indices=[0, 1, 2, 3], init_cfg=init_cfg)).init_weights()
    save(tmp_path, {n: v for n, v in tensors.items() if not n.startswith('norm3.')})
    with pytest.raises(UserError, match=r'2 missing in the file \(norm3.weight, norm3.bias\)'):
        MODELS.build(dict(swin, init_cfg=init_cfg)).init_weights()


def test_a_backbone_below_another_prefix(tmp_path, log):
    path = save(tmp_path, below('encoder.', randomise(build_vit(), 1)))
    text = message_of(path)
    assert text.endswith("Its backbone is elsewhere: set init_cfg.prefix='encoder.'.")
    load(path, init_cfg=dict(prefix='encoder.'))
    assert 'loaded 42 of 42' in line(log)


def test_a_backbone_that_is_found_but_another(checkpoint):
    text = message_of(checkpoint, patch_size=16)
    assert SAME in text and 'allow' not in text  # no exception makes it the same network


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


def test_heads_for_other_classes_are_left_out_by_name(tmp_path, log):
    """The error gives the names that the line of the loading then tells."""
    source = randomise(
        MODELS.build(dict(CLASSIFIER, head=dict(CLASSIFIER['head'], num_classes=3))), 1
    )
    path = save(tmp_path, source.state_dict())
    names = ['head.fc.weight', 'head.fc.bias']
    with pytest.raises(UserError) as error:
        load_full(MODELS.build(CLASSIFIER), str(path))
    assert str(error.value).endswith(
        'To start from it for other classes, leave these tensors out by name: load_from=None, '
        f"model.init_cfg=dict(type='Pretrained', checkpoint='{path}', allow=dict(missing={names}))."
    )
    for allow in (dict(missing=names), dict(missing=['head.fc.*'], unexpected=['head.fc.*'])):
        init_cfg = dict(type='Pretrained', checkpoint=str(path), allow=allow)
        model = MODELS.build(dict(CLASSIFIER, init_cfg=init_cfg))
        log.clear()
        model.init_weights()
        assert_same(model.backbone, source.backbone)
        assert model.head.fc.weight.shape == (2, 12)
        assert 'left 2 as initialised (head.fc.weight, head.fc.bias)' in line(log)


def test_a_head_that_fits_is_no_exception(tmp_path):
    path = save(tmp_path, MODELS.build(CLASSIFIER).state_dict())
    init_cfg = dict(type='Pretrained', checkpoint=str(path), allow=dict(missing=['head.fc.*']))
    with pytest.raises(UserError, match="'head.fc.\\*', but that isn't missing: remove it"):
        MODELS.build(dict(CLASSIFIER, init_cfg=init_cfg)).init_weights()


def test_exceptions_are_advised_outside_of_the_body_only(tmp_path, teacher):
    """A body that lacks a part computes something else."""
    tensors = teacher.state_dict()
    path = save(tmp_path, {**tensors, 'fusions.0.weight': torch.ones(1)})
    assert 'name each exception in init_cfg.allow=' in message_of(path)
    path = save(tmp_path, {**tensors, 'layers.1.attn.q_norm.weight': torch.ones(4)})
    text = message_of(path)
    assert '1 not in the config (layers.1.attn.q_norm.weight)' in text and 'allow' not in text


@pytest.mark.parametrize('allow', [{}, dict(missing=['pos_embed'])])
def test_a_vit_without_positions_has_others_than_ours(allow, tmp_path, teacher):
    """Such as DINOv3; no exception makes its rotary positions good."""
    tensors = {name: value for name, value in teacher.state_dict().items() if name != 'pos_embed'}
    text = message_of(save(tmp_path, tensors), **allowing(**allow))
    assert 'the file has no position embeddings, so its positions are rotary' in text
    assert 'allow' not in text


def test_whole_numbers_are_no_weights(tmp_path, teacher):
    tensors = {
        name: (20 * value).round().to(torch.int8) if value.ndim == 2 else value
        for name, value in teacher.state_dict().items()
    }
    assert (
        'is broken: 12 whole numbers (quantised weights) without their scales (layers.0.attn.qkv.'
        'weight, layers.0.attn.proj.weight, layers.0.ffn.layers.0.0.weight, ...); take a checkpoint'
        ' from before its training diverged, or save it again in float32.'
    ) in message_of(save(tmp_path, tensors))


def test_a_class_that_computes_something_else_is_refused_by_name(tmp_path):
    """A reversible ViT has the names of a plain one."""
    kind = 'RevVisionTransformer'
    source = randomise(build_vit(kind), 1)
    text = CONFIG_TEXT.replace('MaskedVisionTransformer', kind)
    path = save(tmp_path, below('backbone.', source), text)
    said = f'it is a {kind} (the config in the file): it computes something else than a plain ViT'
    assert said in message_of(path)
    assert_same(load(path, kind), source)
