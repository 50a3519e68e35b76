"""Prove at the start of a training that its backbones compute what their files do."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import nn

from mmmask.config.init_cfg import pretrained_of, was_loaded
from mmmask.transfer.normalisation import compare_normalisation
from mmmask.transfer.reference import CannotCompare
from mmmask.transfer.verify import (
    TOLERANCE,
    compare_with_source,
    source_of,
)
from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap

MISMATCH = 1e-3
"""Relative difference that neither rounding nor another epsilon of layer norms explains."""


@HOOKS.register_module()
class VerifyTransferHook(Hook):
    """Compares every backbone that ``init_cfg`` loaded with timm's model of the same file.

    - One line for each backbone says how far the features of its blocks are apart.
    - A warning says where images are normalised otherwise than in pre-training, or where that isn't
      known.
    - A backbone that timm hasn't (convolutions) is compared with its own class, built by the config
      in the file. Without such a config a warning says that it wasn't compared.
    - Tensors that ``init_cfg.allow`` names are the backbone's own on both sides.
    - A line says if the model's ``backbone`` starts at random.
    - Nothing is done if the weights come from ``load_from`` or a resumed checkpoint.

    The launcher gives the hook to every training; ``default_hooks.verify_transfer=None`` drops it.

    Raises:
        UserError: If the features differ by more than :data:`MISMATCH`, or an ``init_cfg`` was not
            carried out.
    """

    def before_train(self, runner: Runner) -> None:
        if runner._resume or runner._load_from:
            return
        model = unwrap(runner.model)
        pretrained = dict(_pretrained(model))
        for name, module in pretrained.items():
            _verify(runner, '.'.join(['model', *filter(None, [name])]), module)
        backbone = getattr(model, 'backbone', None)
        if backbone is not None and not any(n == '' or _is_in(n, 'backbone') for n in pretrained):
            _say_that_it_is_random(backbone)


def _pretrained(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the outermost modules that are initialised from a file, with their names."""
    found: list[str] = []
    for name, module in model.named_modules():
        if any(_is_in(name, outer) for outer in found):
            continue
        if pretrained_of(getattr(module, 'init_cfg', None)) is not None:
            found.append(name)
            yield name, module


def _is_in(name: str, outer: str) -> bool:
    return not outer or name == outer or name.startswith(f'{outer}.')


def _verify(runner: Runner, place: str, module: nn.Module) -> None:
    init_cfg = pretrained_of(module.init_cfg)
    if not was_loaded(module):
        raise UserError(
            f'{place}.init_cfg names {init_cfg["checkpoint"]}, but nothing was loaded: '
            f'init_weights of {type(module).__name__} has to call super().init_weights().'
        )
    backbone = getattr(module, 'backbone', None)
    if backbone is not None:  # a whole model, from a file of the same
        place, module, init_cfg = f'{place}.backbone', backbone, dict(init_cfg, prefix='backbone.')
    checkpoint, selection, allow = source_of(module, init_cfg)
    _, note = compare_normalisation(checkpoint, selection, runner.cfg)
    if note:
        print_log(f'{place}: {note}', 'current', level=logging.WARNING)
    try:
        comparison = compare_with_source(module, checkpoint, selection, allow=allow)
    except CannotCompare as error:
        line = f'{place}: features not compared with the file: {error}'
        print_log(line, 'current', level=logging.WARNING)
        return
    line = f'{place} against {comparison.against} with the tensors of {checkpoint.name}: '
    line += str(comparison)
    if not comparison.worst <= MISMATCH:
        raise UserError(
            f'{line}; it does not compute what the file does: see mmmask verify CONFIG CHECKPOINT '
            '(if it is meant to, set default_hooks.verify_transfer=None)'
        )
    level = logging.INFO if comparison.worst <= TOLERANCE else logging.WARNING
    print_log(line, 'current', level=level)


def _say_that_it_is_random(backbone: nn.Module) -> None:
    frozen = getattr(backbone, 'frozen_stages', -1) > 0
    print_log(
        'model.backbone starts at random: it has no init_cfg that names a checkpoint'
        + (', and its frozen_stages stay so.' if frozen else '.'),
        'current',
        level=logging.WARNING if frozen else logging.INFO,
    )
