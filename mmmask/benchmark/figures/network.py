"""Networks for pictures: a task's model with a checkpoint's weights, or with random ones."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.config import Config
from torch import nn

from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.suite import Task
from mmmask.config.build import build_model, scope_of
from mmmask.config.read import read_config
from mmmask.transfer import load_full


def task_config(task: Task, folder: TaskFolder) -> Config:
    """The config that a task was run with, as mmengine wrote it into the task's folder.

    Raises:
        UserError: If it isn't there.
    """
    return read_config(str(folder.path / Path(task.protocol.config.split('::')[-1]).name))


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
            model = build_model(config)
            if checkpoint is None:
                model.init_weights()
        if checkpoint is not None:
            load_full(model, str(checkpoint))
    model.train(False)
    return model
