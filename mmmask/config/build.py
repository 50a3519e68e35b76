"""Build a config's model by itself, to look at it or to time it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from mmmask.config.checkpoints import without_pretrained


@contextmanager
def scope_of(config: Config, level: str = 'ERROR') -> Iterator[None]:
    """Build and run in the config's scope, without a word in the log below a level."""
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(level)
    try:
        with DefaultScope.overwrite_default_scope(config.get('default_scope', 'mmengine')):
            yield
    finally:
        logger.setLevel(before)


def build_model(config: Config, keep: Iterable[str] = ()) -> nn.Module:
    """Build a config's model as mmengine's runner does, to be used within :func:`scope_of`.

    Args:
        config: The config.
        keep: Parts whose initialisation reads the checkpoint that they name.

    Returns:
        The model on the CPU, before ``init_weights``.
    """
    settings = without_pretrained(config.model)
    for part in keep:
        if part in config.model:
            settings[part] = config.model[part]
    if config.get('data_preprocessor') is not None:
        settings.setdefault('data_preprocessor', config.data_preprocessor)
    return MODELS.build(settings)
