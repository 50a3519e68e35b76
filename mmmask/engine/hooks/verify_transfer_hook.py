"""Proves at the start of a training that its pre-trained backbones compute what their files do."""

from __future__ import annotations

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import nn

from mmmask.errors import UserError
from mmmask.transfer.checkpoint import Checkpoint, read_checkpoint
from mmmask.transfer.facts import facts
from mmmask.transfer.formats import Selection, select
from mmmask.transfer.normalisation import normalisation_of_config
from mmmask.transfer.own_loaders import is_pretrained
from mmmask.transfer.reference import CannotCompare
from mmmask.transfer.verify import TOLERANCE, compare_with_source
from mmmask.unwrap import unwrap

MISMATCH = 1e-3
"""Relative difference from which it can't be rounding, nor another epsilon of layer norms."""


@HOOKS.register_module()
class VerifyTransferHook(Hook):
    """Compares every backbone that ``init_cfg`` loaded with timm's model of the same file.

    A line for each says how far the features of its blocks are apart; and whether images are
    normalised as they were in pre-training, with a warning where not. A backbone that timm hasn't
    (convolutions) is compared with one of its class that is built by the config in the file; where
    there is none, it is named as not compared. Nothing is done when the weights come from
    ``load_from`` or a resumed checkpoint.

    The launcher gives it to every training; ``default_hooks.verify_transfer=None`` drops it.

    Raises:
        UserError: If the features differ by more than :data:`MISMATCH`.
    """

    def before_train(self, runner: Runner) -> None:
        if runner._resume or runner._load_from:
            return
        for name, module in unwrap(runner.model).named_modules():
            if is_pretrained(getattr(module, 'init_cfg', None)) and not hasattr(module, 'backbone'):
                self._verify(runner, f'model.{name}', module)

    def _verify(self, runner: Runner, place: str, module: nn.Module) -> None:
        init_cfg = module.init_cfg
        checkpoint = read_checkpoint(init_cfg['checkpoint'])
        selection = select(
            checkpoint,
            init_cfg.get('source', 'auto'),
            init_cfg.get('prefix'),
            module.state_dict(),
        )
        _compare_normalisation(runner, place, checkpoint, selection)
        try:
            comparison = compare_with_source(module, checkpoint, selection)
        except CannotCompare as error:
            print_log(f'{place}: features not compared with the file: {error}', 'current')
            return
        line = (
            f'{place} against {comparison.against} with the tensors of {checkpoint.name}: '
            f'{comparison}'
        )
        if not comparison.worst <= MISMATCH:
            raise UserError(
                f'{line}; it does not compute what the file does: see python '
                'tools/verify_transfer.py CONFIG CHECKPOINT'
            )
        level = logging.INFO if comparison.worst <= TOLERANCE else logging.WARNING
        print_log(line, 'current', level=level)


def _compare_normalisation(
    runner: Runner, place: str, checkpoint: Checkpoint, selection: Selection
) -> None:
    """Say it where images are normalised otherwise than in pre-training."""
    known, in_config = facts(checkpoint, selection), normalisation_of_config(runner.cfg)
    if known.normalisation is None or in_config is None:
        return
    if not known.normalisation.agrees(in_config):
        print_log(
            f'{place}: {checkpoint.name} was trained on images with {known.normalisation} '
            f'(from {known.normalisation_from}), but the config has {in_config}: set '
            'model.data_preprocessor to the same, or the features are of other images.',
            'current',
            level=logging.WARNING,
        )
