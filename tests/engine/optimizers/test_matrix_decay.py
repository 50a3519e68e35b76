"""Tests the choice of decayed parameters."""

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from mmmask.engine.optimizers.matrix_decay import MatrixDecayOptimWrapperConstructor
from mmmask.models.backbones import MaskedVisionTransformer
from mmmask.models.necks import DINOProjection

CFG = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.5, weight_decay=0.04))


@pytest.fixture
def model():
    arch = dict(embed_dims=4, num_layers=1, num_heads=2, feedforward_channels=4)
    model = nn.Module()
    model.backbone = MaskedVisionTransformer(arch=arch, img_size=8, patch_size=4)
    model.neck = DINOProjection(4, 3, hidden_channels=4, bottleneck_channels=2, num_layers=2)
    return model


def names(model, group):
    by_id = {id(p): name for name, p in model.named_parameters()}
    return [by_id[id(p)] for p in group['params']]


def test_two_groups(model):
    wrapper = MatrixDecayOptimWrapperConstructor(CFG)(model)
    assert isinstance(wrapper, OptimWrapper)
    assert isinstance(wrapper.optimizer, torch.optim.AdamW)
    decayed, plain = wrapper.optimizer.param_groups
    assert (decayed['weight_decay'], plain['weight_decay']) == (0.04, 0.0)
    assert (decayed['lr'], plain['lr']) == (0.5, 0.5)
    block, last = 'backbone.layers.0.', 'neck.last_layer.parametrizations.weight.'
    assert set(names(model, decayed)) == {
        'backbone.cls_token',
        'backbone.pos_embed',
        'backbone.mask_token',
        'backbone.patch_embed.projection.weight',
        block + 'attn.qkv.weight',
        block + 'attn.proj.weight',
        block + 'ffn.layers.0.0.weight',
        block + 'ffn.layers.1.weight',
        'neck.mlp.0.weight',
        'neck.mlp.2.weight',
        last + 'original1',
    }
    assert set(names(model, plain)) == {
        'backbone.patch_embed.projection.bias',
        block + 'ln1.weight',
        block + 'ln1.bias',
        block + 'attn.qkv.bias',
        block + 'attn.proj.bias',
        block + 'ln2.weight',
        block + 'ln2.bias',
        block + 'ffn.layers.0.0.bias',
        block + 'ffn.layers.1.bias',
        'backbone.ln1.weight',
        'backbone.ln1.bias',
        'neck.mlp.0.bias',
        'neck.mlp.2.bias',
    }
    # The fixed gain of the last layer has no gradient and is in neither.
    assert not model.neck.last_layer.parametrizations.weight.original0.requires_grad


def test_frozen_parts_are_left_out(model):
    model.backbone.requires_grad_(False)
    groups = MatrixDecayOptimWrapperConstructor(CFG)(model).optimizer.param_groups
    found = names(model, groups[0]) + names(model, groups[1])
    assert len(found) == 5 and all(name.startswith('neck.') for name in found)


def test_built_by_its_name(model):
    cfg = dict(
        constructor='mmpretrain.MatrixDecayOptimWrapperConstructor',
        optimizer=dict(type='SGD', lr=0.1, weight_decay=0.3),
        accumulative_counts=2,
    )
    wrapper = build_optim_wrapper(model, cfg)
    assert [group['weight_decay'] for group in wrapper.optimizer.param_groups] == [0.3, 0.0]
    assert wrapper._accumulative_counts == 2


def test_the_config_is_not_changed(model):
    cfg = dict(CFG, optimizer=dict(CFG['optimizer']))
    MatrixDecayOptimWrapperConstructor(cfg)(model)
    assert cfg == CFG


def test_takes_nothing_per_parameter():
    with pytest.raises(ValueError, match='takes no paramwise_cfg'):
        MatrixDecayOptimWrapperConstructor(CFG, paramwise_cfg=dict(norm_decay_mult=0.0))
