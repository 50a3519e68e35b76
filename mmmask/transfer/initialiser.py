"""The strict initialiser, which replaces mmengine's ``Pretrained`` under its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MethodType

import torch
from mmengine.logging import MMLogger
from mmengine.model import BaseModule, PretrainedInit
from mmengine.model.weight_init import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mmmask.config.init_cfg import mark_loaded, pretrained_of, with_plain_names
from mmmask.utils.errors import UserError

from .checkpoint import read_checkpoint
from .formats import SOURCES, select
from .loading import load_strictly
from .mismatch import Allowed


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
@dataclass
class Pretrained:
    """Initialises a module from a checkpoint, completely or not at all.

    mmengine and the backbones know this initialiser by mmengine's name: mmengine runs it last, and
    backbones skip their own initialisation. mmengine only warns, or says nothing, if a part is
    loaded, the number of heads differs, or values are overwritten later. Here that is an error.

    Args:
        checkpoint: A file, or a name with one of mmengine's schemes.
        source: The backbone of a self-distillation checkpoint: 'teacher', 'student' or 'auto' for
            the first that the format has.
        prefix: Takes the tensors below it instead of detecting the file's format, as mmengine does.
        map_location: As of :func:`torch.load`.
        allow: Exceptions, one by one: ``dict(missing=[...], unexpected=[...])`` with names of the
            module's and the file's tensors (``*`` matches anything). ``heads=True`` allows another
            number of attention heads than the file is known to have.
    """

    checkpoint: str | None
    source: str = 'auto'
    prefix: str | None = None
    map_location: str = 'cpu'
    allow: Mapping[str, Iterable[str] | bool] | None = None

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
            _leave_only_pretrained(module)
        load_strictly(module, checkpoint, selection, allow)
        mark_loaded(module, checkpoint.path)
        if within_init_weights:
            update_init_info(module, init_info=f'Pretrained: loaded from {checkpoint.path}')
            _check_kept(module, checkpoint.path)


def _call_strictly(init: PretrainedInit, module: nn.Module) -> None:
    """Load strictly by mmengine's own class, too, which configs may name as a type."""
    Pretrained(init.checkpoint, prefix=init.prefix, map_location=init.map_location)(module)


PretrainedInit.__call__ = _call_strictly


@contextmanager
def strict_loading(model: nn.Module) -> Iterator[None]:
    """Let :class:`Pretrained` initialise every module that names it, while inside.

    Some backbones of mmdet and mmseg load their ``init_cfg.checkpoint`` themselves, past any
    initialiser: they unpickle the file and take whatever fits. Their method is replaced here.
    mmengine runs an initialiser last only if its type is 'Pretrained', so every type is renamed.
    """
    named = [m for m in model.modules() if pretrained_of(getattr(m, 'init_cfg', None))]
    for module in named:
        module.init_cfg = with_plain_names(module.init_cfg)
    own = [module for module in named if _loads_by_itself(module)]
    for module in own:
        module.init_weights = MethodType(BaseModule.init_weights, module)
    try:
        yield
    finally:
        for module in own:
            del module.init_weights


def _loads_by_itself(module: nn.Module) -> bool:
    """Return True for classes of mmdet and mmseg with their own ``init_weights``."""
    return (
        isinstance(module, BaseModule)
        and type(module).__module__.startswith(('mmdet.', 'mmseg.'))
        and type(module).init_weights is not BaseModule.init_weights
    )


def _leave_only_pretrained(module: BaseModule) -> None:
    """Drop the other initialisers of the module's list, which have run.

    Backbones look for a dict with this type to know that they must not initialise position
    embeddings afterwards.

    Raises:
        UserError: If mmengine doesn't know the type and will initialise the module's parts later.
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


def _check_kept(module: BaseModule, path: str) -> None:
    """Run the rest of the module's own ``init_weights`` now, and check that it changes no tensor.

    Modules that may read the file by themselves are left out.

    Raises:
        UserError: If a tensor changes.
    """
    if type(module).init_weights is BaseModule.init_weights or _loads_by_itself(module):
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
