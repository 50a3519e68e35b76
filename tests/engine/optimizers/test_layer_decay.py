"""Every parameter's rate and decay, worked out by hand, in models of all three repositories."""

from __future__ import annotations

import pytest
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from mmmask.utils.errors import UserError

ARCH = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
SCOPES = ('mmpretrain', 'mmdet', 'mmseg')


class Model(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))


def model_with(**options) -> Model:
    from mmpretrain.registry import MODELS

    vit = dict(type='mmpretrain.VisionTransformer', arch=ARCH, img_size=16, patch_size=8)
    return Model(MODELS.build({**vit, **options}))


def settings(model: nn.Module, scope: str = 'mmpretrain', lr: float = 1.0, **paramwise) -> dict:
    """(lr, weight decay) by name."""
    cfg = dict(
        type='OptimWrapper',
        constructor='mmpretrain.LayerDecayOptimWrapperConstructor',
        optimizer=dict(type='AdamW', lr=lr, weight_decay=0.1),
        paramwise_cfg=paramwise,
        clip_grad=dict(max_norm=1.0),
    )
    with DefaultScope.overwrite_default_scope(scope):
        wrapper = build_optim_wrapper(model, cfg)
    assert wrapper.clip_grad_kwargs == dict(max_norm=1.0)
    assert wrapper.optimizer.defaults['lr'] == lr
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {}
    for group in wrapper.optimizer.param_groups:
        for parameter, name in zip(group['params'], group['names'], strict=True):
            assert names[id(parameter)] == name and name not in found
            found[name] = (group['lr'], group['weight_decay'])
    return found


@pytest.mark.parametrize('scope', SCOPES)
def test_every_rate(scope):
    model = model_with()
    found = settings(model, scope, layer_decay_rate=0.5)
    # depths 0 (tokens), 1, 2 (blocks), 3 (the rest) of n = 4: 0.5^3, 0.5^2, 0.5^1, 1
    expected = {
        'backbone.cls_token': (0.125, 0.1),
        'backbone.pos_embed': (0.125, 0.1),
        'backbone.patch_embed.projection.weight': (0.125, 0.1),
        'backbone.patch_embed.projection.bias': (0.125, 0.0),
        'backbone.ln1.weight': (1.0, 0.0),
        'backbone.ln1.bias': (1.0, 0.0),
        'head.0.weight': (1.0, 0.1),
        'head.0.bias': (1.0, 0.0),
        'head.1.weight': (1.0, 0.0),
        'head.1.bias': (1.0, 0.0),
    }
    matrices = ('attn.qkv', 'attn.proj', 'ffn.layers.0.0', 'ffn.layers.1')
    for block, lr in ((0, 0.25), (1, 0.5)):
        for part in matrices:
            expected[f'backbone.layers.{block}.{part}.weight'] = (lr, 0.1)
        for part in (*matrices, 'ln1', 'ln2'):
            expected[f'backbone.layers.{block}.{part}.bias'] = (lr, 0.0)
        for part in ('ln1', 'ln2'):
            expected[f'backbone.layers.{block}.{part}.weight'] = (lr, 0.0)
    assert found == expected
    assert set(found) == {name for name, _ in model.named_parameters()}


def test_options():
    found = settings(
        model_with(),
        lr=2.0,
        layer_decay_rate=0.5,
        flat_decay_mult=0.5,
        custom_keys={
            'pos_embed': dict(decay_mult=0.0),
            'head': dict(lr_mult=10.0),
            'head.1': dict(decay_mult=4.0),
            'no_such_part': None,
        },
    )
    assert found['backbone.pos_embed'] == (0.25, 0.0)
    assert found['backbone.layers.1.ln1.bias'] == (1.0, 0.05)
    assert found['head.0.weight'] == (20.0, 0.1)
    assert found['head.1.weight'] == (2.0, pytest.approx(0.2))  # the longer key alone counts


def test_frozen_parameters_are_left_out():
    model = model_with()
    model.backbone.requires_grad_(False)
    found = settings(model, layer_decay_rate=0.5)
    assert set(found) == {'head.0.weight', 'head.0.bias', 'head.1.weight', 'head.1.bias'}


def test_few_groups():
    cfg = dict(
        constructor='mmpretrain.LayerDecayOptimWrapperConstructor',
        optimizer=dict(type='SGD', lr=0.1),
        paramwise_cfg=dict(layer_decay_rate=0.5),
    )
    optimizer = build_optim_wrapper(model_with(), cfg).optimizer
    assert len(optimizer.param_groups) == 8  # four depths, decayed or not


@pytest.mark.parametrize(
    'options, said',
    [
        (dict(), 'layer_decay_rate'),
        (dict(layer_decay_rate=0.5, norm_decay_mult=0.0), "has no 'norm_decay_mult'"),
        (dict(layer_decay_rate=0.5, custom_keys=dict(head=dict(lr=1.0))), "has no 'lr'"),
        (dict(layer_decay_rate=0.5, custom_keys=dict(rpn=dict(lr_mult=1.0))), "has 'rpn', no"),
    ],
)
def test_wrong_options(options, said):
    with pytest.raises(UserError, match=said):
        settings(model_with(), **options)


def test_backbone_without_depths():
    with pytest.raises(UserError, match='get_layer_depth'):
        settings(Model(nn.Linear(2, 2)), layer_decay_rate=0.5)
