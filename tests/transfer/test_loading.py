"""Values, shapes, heads and epsilons of what is loaded."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS
from mmseg.models.backbones import VisionTransformer
from test_pretrained import assert_same, load, message_of, save
from tiny_backbones import ARCH, CONFIG_TEXT, below, build_vit, randomise

from mmmask.transfer import Allowed, load_strictly, read_checkpoint, select_backbone
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
