"""Build networks in evaluation mode: a whole pre-training, or any checkpoint's backbone."""

from __future__ import annotations

import inspect

import torch
from mmengine.config import Config
from mmpretrain.models import BaseSelfSupervisor
from mmpretrain.registry import MODELS
from torch import nn

from mmmask.config.build import build_model, scope_of
from mmmask.config.checkpoints import check_named_checkpoints, check_readable
from mmmask.transfer import Allowed, load_full, load_strictly
from mmmask.transfer.checkpoint import Checkpoint
from mmmask.transfer.description import saved_config
from mmmask.transfer.formats import Selection, select, select_backbone
from mmmask.transfer.settings import settings_of
from mmmask.transfer.suggest import suggest_backbone
from mmmask.utils.errors import UserError, explained

UNTRAINED = 'none'
"""Stands for a checkpoint: the network is initialised."""

PRETRAININGS = ('SelfDistillation', 'MaskedAutoencoder', 'GuidedCAE')
"""Algorithms of this project, which can be rebuilt from the config in their checkpoint."""


def build_network(config: Config, checkpoint: str | Checkpoint, seed: int = 0) -> nn.Module:
    """Build a config's whole model with a checkpoint's weights, in evaluation mode on the CPU.

    Args:
        config: A config with a ``model``.
        checkpoint: Weights of the whole model, a file or what was read of it, loaded strictly;
            'none': it is initialised.
        seed: Seed of the initial weights.

    Raises:
        UserError: If the model can't be built, or the checkpoint isn't this model's.
    """
    if isinstance(checkpoint, str) and checkpoint != UNTRAINED:
        check_readable(checkpoint)
    if not config.get('model'):
        raise UserError('The config has no model: give the config of a pre-training.')
    # A frozen scorer's weights aren't in the checkpoint: they come from a file of their own.
    check_named_checkpoints(Config(dict(model=dict(scorer=config.model.get('scorer')))))
    with scope_of(config), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with explained("The config's model can't be built"):
            model = build_model(config, keep=['scorer'])
        if checkpoint == UNTRAINED:
            model.init_weights()
        else:
            if isinstance(scorer := getattr(model, 'scorer', None), nn.Module):
                scorer.init_weights()
            load_full(model, checkpoint)
    model.train(False)
    return model


def build_backbone(
    config: Config, file: Checkpoint | None, source: str = 'auto', seed: int = 0
) -> tuple[nn.Module, str]:
    """Build a config's backbone with the weights of any checkpoint that the transfer reads.

    Args:
        config: A config with a ``model.backbone``.
        file: The checkpoint, loaded strictly; None: the backbone is initialised.
        source: 'teacher', 'student', or 'auto': the teacher where there is one.
        seed: Seed of the initial weights.

    Returns:
        The backbone in evaluation mode on the CPU, and the name of the file's part.

    Raises:
        UserError: If the config has no backbone, or the checkpoint doesn't fit.
    """
    settings = (config.get('model') or {}).get('backbone')
    if not settings:
        raise UserError(f"The config '{config.filename}' has no model.backbone to look at.")
    with scope_of(config), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with explained("The config's backbone can't be built"):
            backbone = MODELS.build({**settings, 'init_cfg': None})
        if file is None:
            backbone.init_weights()
            backbone.train(False)
            return backbone, 'untrained'
        selection = select(file, source, None, backbone.state_dict())
        load_strictly(backbone, file, selection, Allowed())
    backbone.train(False)
    return backbone, selection.label


def describe_backbone(file: Checkpoint, source: str = 'auto') -> tuple[Config, Selection]:
    """Return a config of the backbone that a checkpoint is for, and the file's part.

    The config has what the file itself or its published architecture tells. ViTs and Swins are this
    project's classes, which take the same tensors and return all tokens.

    Raises:
        UserError: If the checkpoint is no ViT or Swin, or its attention heads are unknown.
    """
    selection = select_backbone(file, source)
    try:
        backbone = suggest_backbone(selection.tensors, settings_of(file, selection))
    except UserError as error:
        raise UserError(f"'{file.path}' needs a config of its backbone: {error}.") from error
    ours = dict(
        VisionTransformer='MaskedVisionTransformer',
        PlainVisionTransformer='MaskedVisionTransformer',
        SwinTransformer='MaskedSwinTransformer',
    )
    name = backbone['type'].rpartition('.')[2]
    if name in ours:
        backbone.update(type=f'mmpretrain.{ours[name]}', with_mask_token=False)
    if 'num_layers' in backbone['arch']:
        backbone['out_type'] = 'raw'
    return Config(dict(default_scope='mmpretrain', model=dict(backbone=backbone))), selection


def is_pretraining(config: Config) -> bool:
    """Return False if a config's model is known to be no pre-training, else True."""
    kind = (config.get('model') or {}).get('type')
    with scope_of(config):
        kind = MODELS.get(kind) if isinstance(kind, str) else kind
    return not inspect.isclass(kind) or issubclass(kind, BaseSelfSupervisor)


def own_config(file: Checkpoint) -> Config | None:
    """Return the config that a checkpoint keeps, if it is one of this project's pre-trainings."""
    saved = saved_config(file)
    model = saved.get('model')
    kind = model.get('type') if isinstance(model, dict) else None
    known = isinstance(kind, str) and kind.rpartition('.')[2] in PRETRAININGS
    return Config(dict(saved, default_scope='mmpretrain')) if known else None
