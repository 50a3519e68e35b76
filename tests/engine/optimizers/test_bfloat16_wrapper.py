"""A step in bfloat16 is a forward pass under autocast, and otherwise a step in float32."""

import torch
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from torch import nn


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        with torch.no_grad():
            self.linear.weight.copy_(torch.arange(12.0).view(3, 4).sin())
            self.linear.bias.zero_()

    def forward(self, inputs, data_samples=None, mode='loss'):
        outputs = self.linear(inputs)
        self.dtype = outputs.dtype
        return dict(loss=outputs.float().square().mean())


def test_a_step_by_hand():
    model, inputs = Model(), torch.arange(8.0).view(2, 4).cos()
    cfg = dict(type='Bfloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.5))
    wrapper = build_optim_wrapper(model, cfg)
    weight = model.linear.weight.detach().clone()
    model.train_step(dict(inputs=inputs), wrapper)
    assert model.dtype == torch.bfloat16 and model.linear.weight.dtype == torch.float32
    # d mean(y^2) / dW = 2 / 6 y^T x, with bfloat16 y, x and dy.
    inputs = inputs.bfloat16()
    outputs = (inputs.float() @ weight.bfloat16().float().T).bfloat16()
    upstream = (outputs.float() / 3).bfloat16()
    gradient = (upstream.float().T @ inputs.float()).bfloat16().float()
    torch.testing.assert_close(model.linear.weight.detach(), weight - 0.5 * gradient)
