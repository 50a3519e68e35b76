"""MAE's LARS against its equations, written out."""

import torch
from torch import nn

from mmmask.engine.optimizers import MatrixLARS


def test_steps_equal_the_equations():
    torch.manual_seed(0)
    layer = nn.Linear(3, 2).double()
    optimizer = MatrixLARS(layer.parameters(), lr=0.5, momentum=0.9, weight_decay=0.1, trust=0.01)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    speed_w, speed_b = torch.zeros(2, 3).double(), torch.zeros(2).double()
    for step in range(3):
        rate = 0.5 / (step + 1)
        optimizer.param_groups[0]['lr'] = rate  # a schedule acts outside of the momentum
        gradient_w, gradient_b = torch.randn(2, 3).double(), torch.randn(2).double()
        layer.weight.grad, layer.bias.grad = gradient_w.clone(), gradient_b.clone()
        optimizer.step()
        direction = gradient_w + 0.1 * weight
        trust = 0.01 * weight.square().sum().sqrt() / direction.square().sum().sqrt()
        speed_w = 0.9 * speed_w + trust * direction
        speed_b = 0.9 * speed_b + gradient_b  # neither scaled nor decayed
        weight, bias = weight - rate * speed_w, bias - rate * speed_b
        torch.testing.assert_close(layer.weight.detach(), weight)
        torch.testing.assert_close(layer.bias.detach(), bias)


def test_a_matrix_of_zeros_takes_the_gradient_as_it_is():
    weight = nn.Parameter(torch.zeros(2, 2))
    weight.grad = torch.ones(2, 2)
    optimizer = MatrixLARS([weight], lr=0.5, momentum=0.0)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.full((2, 2), -0.5))
    weight.grad = torch.zeros(2, 2)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.full((2, 2), -0.5))
