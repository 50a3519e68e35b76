"""Runners of mmengine that take milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmmask.models.algorithms import EMATeacher


class Toy(BaseModel):
    """The mean of the inputs times every parameter: gradients are set by the data alone."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(1, 2)
        self.neck = nn.Module()
        self.neck.last_layer = nn.Linear(2, 1, bias=False)
        self.head = nn.Module()
        self.head.temperature = 1.0
        for parameter in self.parameters():
            nn.init.ones_(parameter)
        self.teacher = EMATeacher(0.5, body=nn.Linear(1, 2))
        self.teacher.copy_from(self)
        self.seen: list[dict] = []  # what a test wants to know of each iteration

    def forward(self, inputs: Tensor, data_samples=None, mode: str = 'tensor') -> dict:
        trained = [p for p in self.parameters() if p.requires_grad]
        return dict(loss=sum(p.sum() for p in trained) * inputs.mean())


@pytest.fixture
def make_runner(tmp_path, monkeypatch) -> Callable[..., Runner]:
    """Runner of two epochs of four iterations with SGD; keywords are the runner's."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    made: list[Runner] = []

    def make(hooks=(), optim_wrapper=None, inputs=(1.0,) * 4, max_epochs=2, **kwargs) -> Runner:
        samples = [dict(inputs=torch.tensor([value])) for value in inputs]
        optimizer = dict(type='SGD', lr=0.5, weight_decay=0.25)
        runner = Runner(
            **{
                **dict(
                    model=Toy(),
                    work_dir=str(tmp_path),
                    experiment_name=f'{tmp_path.name}_{len(made)}',
                    train_dataloader=DataLoader(samples, batch_size=1),
                    train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
                    optim_wrapper=optim_wrapper or dict(optimizer=optimizer),
                    custom_hooks=list(hooks),
                    default_hooks=dict(logger=None, checkpoint=None),
                    default_scope='mmpretrain',
                ),
                **kwargs,
            }
        )
        made.append(runner)
        return runner

    return make
