"""Checkpoints of the demo's network: one of this project's pre-training, and one of timm's."""

from pathlib import Path

import timm
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

CONFIGS = Path(__file__).parents[1] / 'configs'


def write_ours(folder: Path) -> Path:
    """Write a self-distillation's file: an untrained teacher, and a student of zeros."""
    arch = Config.fromfile(CONFIGS / '_base_/models/vit_demo.py').demo_backbone
    torch.manual_seed(0)
    network = MODELS.build(dict(type='MaskedVisionTransformer', with_mask_token=False, **arch))
    network.init_weights()
    tensors = network.state_dict()
    state_dict = {f'teacher.backbone.{name}': value for name, value in tensors.items()}
    state_dict |= {f'backbone.{name}': value * 0 for name, value in tensors.items()}
    torch.save(dict(state_dict=state_dict, meta={}), folder / 'ours.pth')
    return folder / 'ours.pth'


def write_foreign(folder: Path) -> Path:
    """Write the state dict of a timm model of the demo's sizes."""
    torch.manual_seed(1)
    shape = dict(img_size=32, patch_size=8, embed_dim=64, depth=3, num_heads=2)
    model = timm.create_model('vit_tiny_patch16_224', num_classes=5, **shape)
    torch.save(model.state_dict(), folder / 'timm.pth')
    return folder / 'timm.pth'
