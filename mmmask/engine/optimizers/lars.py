"""Scale the steps of matrices by the ratio of their norm to their gradient's."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from mmengine.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import Optimizer


@OPTIMIZERS.register_module()
class MatrixLARS(Optimizer):
    r"""LARS as MoCo v3's and MAE's linear probes use it.

    A tensor of two or more dimensions gets :math:`g' = g + \lambda w`, scaled by the trust
    :math:`c \lVert w \rVert / \lVert g' \rVert` (1 where a norm is 0). Biases get their gradient as
    it is. Then :math:`m \leftarrow \mu m + g'` and :math:`w \leftarrow w - \eta m`. mmpretrain's
    ``LARS`` scales biases as well and puts the rate inside of the momentum.

    Args:
        params: Parameters or groups.
        lr: :math:`\eta`.
        momentum: :math:`\mu`.
        weight_decay: :math:`\lambda`.
        trust: :math:`c`.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 0.001,
    ) -> None:
        super().__init__(
            params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, trust=trust)
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Take a step; return the closure's loss, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group['params']:
                if weight.grad is None:
                    continue
                step = weight.grad
                if weight.dim() > 1:
                    if group['weight_decay']:
                        step = step.add(weight, alpha=group['weight_decay'])
                    size, length = weight.norm(), step.norm()
                    trust = group['trust'] * size / length
                    step = step * torch.where((size > 0) & (length > 0), trust, 1.0)
                state = self.state[weight]
                if 'momentum' not in state:
                    state['momentum'] = torch.zeros_like(weight)
                state['momentum'].mul_(group['momentum']).add_(step)
                weight.add_(state['momentum'], alpha=-group['lr'])
        return loss
