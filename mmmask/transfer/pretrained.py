"""The strict initialiser: mmengine's ``Pretrained``, replaced under its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from mmengine.logging import MMLogger
from mmengine.model import BaseModule, PretrainedInit
from mmengine.model.weight_init import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mmmask.config.init_cfg import mark_loaded, pretrained_of, with_plain_names
from mmmask.utils.errors import UserError

from .checkpoint import read_checkpoint
from .exceptions import Allowed
from .formats import SOURCES, select
from .loading import load_strictly
from .own_loaders import may_load_by_itself


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class Pretrained:
    """Initialises a module from a checkpoint, completely or not at all.

    The name is mmengine's because mmengine and the backbones special-case it: it runs last, and
    they skip their own initialisation for it. What used to be a warning (nothing or a part loaded)
    or silence (another number of heads, values that are overwritten afterwards) is an error.

    Args:
        checkpoint: A file, or a name with one of mmengine's schemes.
        source: Which backbone of a self-distillation checkpoint: 'teacher', 'student' or 'auto'
            (the first that the format has).
        prefix: As mmengine's: take the tensors below it instead of finding the part by the file's
            format.
        map_location: As :func:`torch.load`.
        allow: Exceptions, one by one: ``dict(missing=[...], unexpected=[...])`` with names of the
            module's and the file's tensors (``*`` matches anything), and ``heads=True`` where the
            number of attention heads that is known of the file doesn't hold.
    """

    def __init__(
        self,
        checkpoint: str | None,
        source: str = 'auto',
        prefix: str | None = None,
        map_location: str = 'cpu',
        allow: Mapping[str, Iterable[str] | bool] | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self.source = source
        self.prefix = prefix
        self.map_location = map_location
        self.allow = allow

    def __call__(self, module: nn.Module) -> None:
        """Load the checkpoint.

        Raises:
            UserError: If it can't be read, doesn't fit, or the module would overwrite it.
        """
        if self.source not in SOURCES:
            raise UserError(f"init_cfg.source is {' or '.join(SOURCES)}, not '{self.source}'.")
        allow = Allowed.parse(self.allow)
        checkpoint = read_checkpoint(self.checkpoint, self.map_location)
        selection = select(checkpoint, self.source, self.prefix, module.state_dict())
        within_init_weights = hasattr(module, '_params_init_info')
        if within_init_weights:
            _be_the_only_one(module)
        load_strictly(module, checkpoint, selection, allow)
        mark_loaded(module, checkpoint.path)
        if within_init_weights:
            update_init_info(module, init_info=f'Pretrained: loaded from {checkpoint.path}')
            _check_that_it_lasts(module, checkpoint.path)


def _call_strictly(init: PretrainedInit, module: nn.Module) -> None:
    """mmengine's own class, which configs may name as a type, is as strict."""
    Pretrained(init.checkpoint, prefix=init.prefix, map_location=init.map_location)(module)


PretrainedInit.__call__ = _call_strictly


def _be_the_only_one(module: BaseModule) -> None:
    """Make this initialiser the module's only one, by name: the others of a list have run.

    Backbones look for a dict with this name to know that they must not initialise position
    embeddings afterwards.

    Raises:
        UserError: If mmengine didn't know it by its type, and will initialise the module's parts
            after it.
    """
    mine = pretrained_of(module.init_cfg)
    if mine is None:
        return
    if mine['type'] not in ('Pretrained', PretrainedInit):
        raise UserError(
            f"init_cfg.type {mine['type']} runs before the module's parts are initialised: write "
            "type='Pretrained'."
        )
    module.init_cfg = with_plain_names(mine)


def _check_that_it_lasts(module: BaseModule, path: str) -> None:
    """Find out whether the rest of the module's own ``init_weights`` changes a tensor: run it now.

    Those that may read the file by themselves, with unpickling, are not run.

    Raises:
        UserError: If it does.
    """
    if type(module).init_weights is BaseModule.init_weights or may_load_by_itself(module):
        return
    loaded = {name: value.clone() for name, value in module.state_dict().items()}
    logger, initialised = MMLogger.get_current_instance(), module._is_init
    module._is_init = True  # so that mmengine's part of it does nothing, but for a warning
    logger.disabled = True
    try:
        with torch.random.fork_rng(devices=[]):
            module.init_weights()
    finally:
        logger.disabled = False
        module._is_init = initialised
    now = module.state_dict()
    changed = [name for name, value in loaded.items() if not torch.equal(value, now[name])]
    if changed:
        raise UserError(
            f'{type(module).__name__} overwrites {", ".join(changed[:3])} after an initialisation '
            f'from {path}: give the file as load_from instead of init_cfg.'
        )
