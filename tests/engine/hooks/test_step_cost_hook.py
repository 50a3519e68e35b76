"""The cost of a step, worked out by hand, and a training that it doesn't change."""

import copy

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmmask.engine.hooks import StepCostHook


class Frozen(BaseModel):
    """A frozen layer before a trained one; statistics of a batch norm move with every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(3, 4).requires_grad_(False)
        self.trained = nn.Linear(4, 5, bias=False)
        self.norm = nn.BatchNorm1d(5, affine=False)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        noise = torch.rand(len(inputs), 1)
        values = self.norm(self.trained(self.frozen(inputs.expand(-1, 3)) + noise))
        return dict(loss=(values * torch.arange(5.0)).square().mean())


@pytest.fixture
def trained(make_runner):
    """Train with hooks of a seed; give the runner, its weights and the next random number."""

    def train(*hooks):
        torch.manual_seed(1)
        values = dict(inputs=(1.0, 2.0, 4.0, 8.0), randomness=dict(seed=1))
        runner = make_runner([*hooks], model=Frozen(), **values)
        runner.train_dataloader.batch_sampler.batch_size = 2
        runner.train()
        return runner, copy.deepcopy(runner.model.state_dict()), torch.rand(1)

    return train


def test_operations_and_parameters_by_hand(trained):
    """Per image: 2 x 3 x 4 and 2 x 4 x 5 forward; backward the trained layer's weights, 2 x 4 x 5.

    No gradient goes to what the trained layer takes in: the layer before it is frozen.
    """
    hub = trained(StepCostHook())[0].message_hub
    found = {
        name: hub.get_scalar(f'val/cost/{name}').current()
        for name in ('gflops', 'gflops_forward', 'parameters')
    }
    expected = dict(gflops=104e-9, gflops_forward=64e-9, parameters=20e-6)
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_training_is_the_same_without(trained):
    (runner, weights, drawn), (_, expected, expected_drawn) = trained(StepCostHook()), trained()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert torch.equal(drawn, expected_drawn)
    assert all(parameter.grad is None for parameter in runner.model.parameters())
