"""What ``init_cfg.allow`` lets pass: what it names, and nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from mmpretrain.registry import MODELS
from test_pretrained import assert_same, line, load, message_of, save
from tiny_backbones import ARCH, CONFIG_TEXT, below, randomise

from mmmask.transfer.exceptions import Allowed
from mmmask.utils.errors import UserError

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
    """Those of earlier maps may: pre-training has none."""
    arch = dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2])
    swin = dict(type='mmpretrain.SwinTransformer', arch=arch, img_size=64, window_size=2)
    tensors = randomise(MODELS.build(swin), 4).state_dict()
    init_cfg = dict(type='Pretrained', checkpoint=str(save(tmp_path, tensors)))
    MODELS.build(dict(swin, out_indices=[0, 1, 2, 3], init_cfg=init_cfg)).init_weights()
    save(tmp_path, {n: v for n, v in tensors.items() if not n.startswith('norm3.')})
    with pytest.raises(UserError, match=r'2 missing in the file \(norm3.weight, norm3.bias\)'):
        MODELS.build(dict(swin, init_cfg=init_cfg)).init_weights()
