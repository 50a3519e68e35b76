"""Counts what a training step computes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.runner import set_random_seed
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def step_operations(model: BaseModel, batch: dict, seeds: Sequence[int]) -> dict[str, float]:
    """Count the floating-point operations of the matrix products of a step.

    Products of the attention are counted, too (a multiplication and an addition are two); the
    optimiser, the teacher's average and what is done elementwise have none. Gradients are dropped.
    Buffers such as running statistics move on, and the random numbers are those of the seeds.

    Args:
        model: In training mode; without the wrapper that averages gradients of processes.
        batch: What its train loader gave.
        seeds: Steps of which the mean is taken: random masks change the number.

    Returns:
        Of the whole batch: ``forward`` with everything that needs no gradient, and ``step`` with
        the backward pass.
    """
    counts = dict(forward=0.0, step=0.0)
    # Fused attention isn't counted on every device, nor compiled blocks; their plain forms are.
    with sdpa_kernel(SDPBackend.MATH), torch.compiler.set_stance('force_eager'):
        for seed in seeds:
            set_random_seed(seed)
            with FlopCounterMode(display=False) as counter:
                losses = model._run_forward(model.data_preprocessor(batch, True), mode='loss')
                counts['forward'] += counter.get_total_flops()
                model.parse_losses(losses)[0].backward()
                counts['step'] += counter.get_total_flops()
            model.zero_grad()
    return {key: value / len(seeds) for key, value in counts.items()}


def trained_parameters(model: BaseModel) -> int:
    """Return the number of values that are trained."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
