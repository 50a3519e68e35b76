"""Backbones that read checkpoints by themselves, past any initialiser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType

from mmengine.model import BaseModule
from torch import nn


def is_pretrained(init_cfg: object) -> bool:
    """Whether an ``init_cfg`` reads a checkpoint."""
    return isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained'


@contextmanager
def strict_own_loaders(model: nn.Module) -> Iterator[None]:
    """Let :class:`Pretrained` initialise every module that names it, while inside.

    mmdet's and mmseg's own ``SwinTransformer``, mmseg's ``VisionTransformer``, ``BEiT`` and ``MAE``
    and a few others load their ``init_cfg.checkpoint`` themselves: with unpickling, and whatever
    fits of it.
    """
    mine = [
        module
        for module in model.modules()
        if is_pretrained(getattr(module, 'init_cfg', None))
        and isinstance(module, BaseModule)
        and type(module).__module__.startswith(('mmdet.', 'mmseg.'))
        and type(module).init_weights is not BaseModule.init_weights
    ]
    for module in mine:
        module.init_weights = MethodType(BaseModule.init_weights, module)
    try:
        yield
    finally:
        for module in mine:
            del module.init_weights
