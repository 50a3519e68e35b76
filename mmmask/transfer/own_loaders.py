"""Backbones that read checkpoints by themselves, past any initialiser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType

from mmengine.model import BaseModule
from torch import nn

from mmmask.config.init_cfg import pretrained_of, with_plain_names


def may_load_by_itself(module: nn.Module) -> bool:
    """Whether a module's class is mmdet's or mmseg's with an ``init_weights`` of its own."""
    return (
        isinstance(module, BaseModule)
        and type(module).__module__.startswith(('mmdet.', 'mmseg.'))
        and type(module).init_weights is not BaseModule.init_weights
    )


@contextmanager
def strict_own_loaders(model: nn.Module) -> Iterator[None]:
    """Let :class:`Pretrained` initialise every module that names it, while inside.

    mmdet's and mmseg's own ``SwinTransformer``, mmseg's ``VisionTransformer``, ``BEiT`` and ``MAE``
    and a few others load their ``init_cfg.checkpoint`` themselves: with unpickling, and whatever
    fits of it. mmengine runs it last only where its type is 'Pretrained', so it is called that.
    """
    named = [m for m in model.modules() if pretrained_of(getattr(m, 'init_cfg', None))]
    for module in named:
        module.init_cfg = with_plain_names(module.init_cfg)
    mine = [module for module in named if may_load_by_itself(module)]
    for module in mine:
        module.init_weights = MethodType(BaseModule.init_weights, module)
    try:
        yield
    finally:
        for module in mine:
            del module.init_weights
