"""Tiny backbones and the parts of checkpoints."""

from __future__ import annotations

from collections import OrderedDict

import torch
from mmpretrain.registry import MODELS

ARCH = dict(embed_dims=12, num_layers=3, num_heads=3, feedforward_channels=24)
VIT = dict(arch=ARCH, img_size=48, patch_size=8)
CONFIG_TEXT = f"""
import os
default_scope = 'mmpretrain'
model = dict(
    backbone=dict(
        arch={ARCH},
        img_size=48,
        patch_size=8,
        type='MaskedVisionTransformer'),
    head=dict(patch_weight=1.0, type='SelfDistillationHead'),
    type='SelfDistillation')
"""


def build_vit(type: str = 'VisionTransformer', **options) -> torch.nn.Module:
    return MODELS.build(dict(type=f'mmpretrain.{type}', **{**VIT, **options}))


def randomise(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
    return module


def below(prefix: str, module: torch.nn.Module) -> OrderedDict:
    return OrderedDict((prefix + name, value) for name, value in module.state_dict().items())
