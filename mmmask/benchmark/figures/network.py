"""Networks for pictures: a task's model with a checkpoint's weights, or with random ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.suite import Task
from mmmask.launch.checkpoints import without_pretrained
from mmmask.launch.config_file import read_config
from mmmask.transfer import load_full


def task_config(task: Task, folder: TaskFolder) -> Config:
    """The config that a task was run with, as mmengine wrote it into the task's folder.

    Raises:
        UserError: If it isn't there.
    """
    return read_config(str(folder.path / Path(task.protocol.config.split('::')[-1]).name))


@contextmanager
def scope_of(config: Config) -> Iterator[None]:
    """Build in the config's scope, without a word in the log."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    try:
        with DefaultScope.overwrite_default_scope(config.get('default_scope', 'mmengine')):
            yield
    finally:
        logger.setLevel(level)


def build_network(config: Config, checkpoint: Path | None, seed: int = 0) -> nn.Module:
    """The config's model, in evaluation mode on the CPU.

    Args:
        config: The config.
        checkpoint: Weights of the whole model; None: it is initialised.
        seed: Of the initial weights.

    Raises:
        UserError: If the checkpoint isn't this model's.
    """
    with scope_of(config):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            settings = without_pretrained(config.model)
            if config.get('data_preprocessor') is not None:  # as mmengine's runner takes it
                settings.setdefault('data_preprocessor', config.data_preprocessor)
            model = MODELS.build(settings)
            if checkpoint is None:
                model.init_weights()
        if checkpoint is not None:
            load_full(model, str(checkpoint))
    model.train(False)
    return model
