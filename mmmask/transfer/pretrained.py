"""The strict initialiser: mmengine's ``Pretrained``, replaced under its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from mmengine.logging import MMLogger
from mmengine.model import BaseModule, PretrainedInit
from mmengine.model.weight_init import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mmmask.errors import UserError

from .checkpoint import read_checkpoint
from .exceptions import Allowed
from .formats import SOURCES, select
from .loading import load_strictly


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class Pretrained:
    """Initialises a module from a checkpoint, completely or not at all.

    The name is mmengine's because mmengine and the backbones special-case it: it runs last, and
    they skip their own initialisation for it. What used to be a warning (nothing or a part loaded)
    or silence (another number of heads, values that are overwritten afterwards) is an error.

    Args:
        checkpoint: A file, or a name with one of mmengine's schemes.
        source: Which backbone of a self-distillation checkpoint: 'teacher', 'student' or 'auto'
            (the teacher).
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
        allow: Mapping[str, Iterable[str]] | None = None,
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
        load_strictly(module, checkpoint, selection, allow)
        if hasattr(module, '_params_init_info'):  # within mmengine's init_weights
            update_init_info(module, init_info=f'Pretrained: loaded from {checkpoint.path}')
            _be_the_only_one(module)
            _check_that_it_lasts(module, checkpoint.path)


def _call_strictly(init: PretrainedInit, module: nn.Module) -> None:
    """mmengine's own class, which configs may name as a type, is as strict."""
    Pretrained(init.checkpoint, prefix=init.prefix, map_location=init.map_location)(module)


PretrainedInit.__call__ = _call_strictly


def _be_the_only_one(module: BaseModule) -> None:
    """Make this initialiser the module's only one, by name: the others of a list have run.

    Backbones look for a dict with this name to know that they must not initialise position
    embeddings afterwards.
    """
    init_cfgs = module.init_cfg or []
    init_cfgs = [init_cfgs] if isinstance(init_cfgs, Mapping) else init_cfgs
    mine = [cfg for cfg in init_cfgs if cfg['type'] in ('Pretrained', PretrainedInit)]
    if mine:
        module.init_cfg = {**mine[-1], 'type': 'Pretrained'}


def _check_that_it_lasts(module: BaseModule, path: str) -> None:
    """Find out whether the rest of the module's own ``init_weights`` changes a tensor: run it now.

    Raises:
        UserError: If it does.
    """
    if type(module).init_weights is BaseModule.init_weights:
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
