"""Load a part of a checkpoint into a module: all of it, or raise an error that says why not."""

from __future__ import annotations

import copy
import logging
from collections import OrderedDict
from collections.abc import Mapping

from mmengine.logging import print_log
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap

from .checkpoint import Checkpoint, read_checkpoint
from .description import DEPTHS, architecture, heads_of, norm_eps_of
from .formats import Selection, group_names, linear_classifier, select, whole
from .mismatch import (
    Allowed,
    check_computable,
    check_values,
    listed,
    matches,
    mismatch_error,
    of_surplus_blocks,
    other_settings,
    other_shapes,
)
from .names import TABLE, Naming, from_mmpretrain, naming_of, to_mmpretrain
from .positions import fit_position_embedding, fit_relative_position, resize_of
from .settings import Settings, settings_of


def load_strictly(
    module: nn.Module, checkpoint: Checkpoint, selection: Selection, allow: Allowed
) -> str:
    """Load a part of a checkpoint.

    Args:
        module: A backbone, or a whole model.
        checkpoint: The file.
        selection: Its part for this module; positions in it are fitted to the module.
        allow: What need not fit.

    Returns:
        The line that was logged, e.g. 'loaded 54 of 54 tensors of MaskedVisionTransformer from
        epoch_9.pth (teacher), resized 1 (pos_embed 6x6 -> 8x8), ignored 80 (backbone, neck)'.

    Raises:
        UserError: If a tensor is missing, unexpected or of another shape. If the number of heads
            differs. If values are not finite or all zero. If nothing is loaded, or an allowed
            exception isn't one. The module's values are undefined then.
    """
    targets = module.state_dict()
    naming = naming_of(targets)
    ours = to_mmpretrain(naming, targets)[0]
    settings = settings_of(checkpoint, selection)
    part = copy.copy(selection.tensors)  # with its _metadata
    check_computable(module, checkpoint, settings, part, ours)
    resized = _fit(part, module, ours, settings)
    tensors = _renamed(part, naming)
    check_values(checkpoint, {name: tensors[name] for name in targets if name in tensors})
    shapes = other_shapes(tensors, targets)
    reshaped = [name for name in shapes if matches(name, allow.missing)]
    for name in reshaped:  # by name: the module's own stays
        del tensors[name], shapes[name]
    missing = [name for name in targets if name not in tensors]
    unexpected = [name for name in tensors if name not in targets]
    left, not_in_file, ignored, not_in_config = allow.sort(module, missing, unexpected)
    differences = architecture(part).differences(architecture(ours))
    if not of_surplus_blocks(not_in_file + not_in_config, tensors, targets):
        differences = {name: text for name, text in differences.items() if name not in DEPTHS}
    others = [*differences.values(), *other_settings(module, settings, allow)]
    faults = list(others)
    if not faults and not shapes:
        # Modules may translate old names of their own while they load: their report counts then.
        missing, unexpected = _load(module, checkpoint, selection, tensors)
        left, not_in_file, ignored, not_in_config = allow.sort(module, missing, unexpected)
    faults += listed('missing in the file', not_in_file)
    faults += listed('not in the config', not_in_config)
    if differences.keys() <= DEPTHS:  # others explain the shapes
        faults += listed('of another shape', list(shapes.values()))
    if not faults and targets and len(left) == len(targets):
        faults = ['nothing of it is for this module']
    if faults:
        names = [] if others else [*not_in_file, *not_in_config, *shapes]
        raise mismatch_error(module, checkpoint, selection, faults, names)
    allow.check_needed(missing, unexpected + reshaped, settings.heads, heads_of(module))
    _warn_of_settings(module, checkpoint, settings, part)
    _tell_of_positions(module, checkpoint, settings)
    ignored += selection.others
    line = (
        f'loaded {len(targets) - len(left)} of {len(targets)} tensors of {type(module).__name__} '
        f'from {checkpoint.path} ({selection.label})'
    )
    if resized:
        line += f', resized {len(resized)} ({", ".join(resized)})'
    if ignored:
        line += f', ignored {len(ignored)} ({", ".join(group_names(ignored))})'
    if left:
        told = left[:4] + ['...'] * (len(left) > 4)
        line += f', left {len(left)} as initialised ({", ".join(told)})'
    print_log(line, logger='current')
    return line


def load_full(model: nn.Module, path: str | Checkpoint) -> str:
    """Load a whole model, strictly.

    Args:
        model: The model, in a data-parallel wrapper or not.
        path: As of :func:`read_checkpoint`, or what it has read.

    Returns:
        The line that was logged.

    Raises:
        UserError: If the checkpoint can't be read, or is another model's.
    """
    checkpoint = read_checkpoint(path) if isinstance(path, str) else path
    return load_strictly(unwrap(model), checkpoint, whole(checkpoint), Allowed())


def load_for_test(model: nn.Module, path: str, source: str = 'auto') -> str:
    """Load the whole model for a test, as :func:`load_full`.

    A model that is nothing but a ``backbone`` (frozen protocols) takes any pre-training checkpoint,
    of a self-distillation the backbone that ``source`` names. A classifier with one linear layer
    takes that of another library, too, such as timm's.
    """
    model, checkpoint = unwrap(model), read_checkpoint(path)
    classifier = None
    if not all(name.startswith('backbone.') for name in model.state_dict()):
        if isinstance(model, ImageClassifier) and model.with_head:
            classifier = linear_classifier(checkpoint, model.head.state_dict())
        if classifier is None:
            return load_full(model, checkpoint)
    selection = select(checkpoint, source, None, model.backbone.state_dict())
    line = load_strictly(model.backbone, checkpoint, selection, Allowed())
    if classifier is not None:
        check_values(checkpoint, classifier)
        if shapes := other_shapes(classifier, model.head.state_dict()):
            raise UserError(
                f"{checkpoint.path} doesn't fit {type(model.head).__name__}: "
                f'{"; ".join(shapes.values())}. Set model.head to the classes in the file.'
            )
        model.head.load_state_dict(classifier)
        print_log(f'loaded the classifier of {checkpoint.path}', logger='current')
    return line


def _fit(
    tensors: OrderedDict[str, Tensor],
    module: nn.Module,
    targets: Mapping[str, Tensor],
    settings: Settings,
) -> list[str]:
    """Fit the tensors to a module's by mmpretrain's names, and return what was resized."""
    resized = fit_position_embedding(tensors, module, settings.grid, settings.pos_embed_resize)
    resized += fit_relative_position(tensors, targets)
    bias = 'patch_embed.projection.bias'
    if bias in tensors and bias not in targets and not tensors[bias].any():
        del tensors[bias]  # zeros are the same as none, as mmseg's ViT has
    return resized


def _renamed(tensors: OrderedDict[str, Tensor], naming: Naming) -> OrderedDict[str, Tensor]:
    """Give the tensors the module's names; a tensor without such a name keeps its own."""
    if not naming.rules:
        return tensors
    result = OrderedDict()
    for name, value in tensors.items():
        try:
            result.update(from_mmpretrain(naming, {name: value}))
        except KeyError:
            result[name] = value
    return result


def _load(
    module: nn.Module,
    checkpoint: Checkpoint,
    selection: Selection,
    tensors: OrderedDict[str, Tensor],
) -> tuple[list[str], list[str]]:
    """Copy the tensors, and return the names that are missing and unexpected."""
    try:
        result = module.load_state_dict(tensors, strict=False)
    except Exception as error:  # a module's own hook may raise anything
        reason = ' '.join(str(error).split())[:300] or type(error).__name__
        raise mismatch_error(module, checkpoint, selection, [reason], []) from error
    return list(result.missing_keys), list(result.unexpected_keys)


def _warn_of_settings(
    module: nn.Module, checkpoint: Checkpoint, settings: Settings, tensors: Mapping[str, Tensor]
) -> None:
    """Warn where nothing tells the attention heads, or layer norms have another epsilon."""
    heads, eps = heads_of(module), norm_eps_of(module)
    if not (settings.heads or heads is None or any(name.endswith(TABLE) for name in tensors)):
        _warn(
            f"{checkpoint.path} doesn't tell its number of attention heads: make sure that it is "
            f'{heads}, as in the config.'
        )
    if settings.norm_eps and settings.norm_eps != eps:
        norm = f"norm_cfg=dict(type='LN', eps={settings.norm_eps:g})"
        if hasattr(module, 'stages'):  # mmpretrain's Swin, whose own is for its outputs only
            norm += (
                ', patch_cfg, stage_cfgs.block_cfgs and stage_cfgs.downsample_cfg to dicts with '
                'the same'
            )
        _warn(
            f'{checkpoint.path} was trained with layer norms of eps={settings.norm_eps:g}, the '
            f'config has {eps:g}: set {norm}.'
        )


def _tell_of_positions(module: nn.Module, checkpoint: Checkpoint, settings: Settings) -> None:
    """Say that images of another size get other positions than in pre-training."""
    while_loading, while_running = resize_of(module, settings.pos_embed_resize), resize_of(module)
    if while_loading != while_running and getattr(module, 'pos_embed', None) is not None:
        print_log(
            f"{checkpoint.path} has position embeddings that pre-training resized by DINO's rule. "
            'The config resizes them to the exact grid where images have another size than '
            f"{module.img_size}: pos_embed_resize='dino' of mmpretrain.PlainVisionTransformer "
            'does as pre-training.',
            logger='current',
        )


def _warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
