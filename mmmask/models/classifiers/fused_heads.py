"""Apply many linear layers to the same features as one matrix product."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


class FusedHeads(torch.autograd.Function):
    """Apply n linear layers to features that have no gradient, (B, C) -> (B, n, K).

    One product each for the outputs and for the gradient of the weights. Biases are summed layer by
    layer: then all gradients have the bits of n separate layers, and a sweep equals separate runs.
    """

    @staticmethod
    def forward(ctx, features: Tensor, *parameters: Tensor) -> Tensor:
        """Take the features and the weight (K, C) and bias (K,) of each layer in turn."""
        weights, biases = parameters[::2], parameters[1::2]
        weight = torch.cat(weights) if len(weights) > 1 else weights[0]
        bias = torch.cat(biases) if len(biases) > 1 else biases[0]
        ctx.save_for_backward(features)
        ctx.dtype = weight.dtype
        return F.linear(features, weight, bias).unflatten(1, (len(weights), -1))

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of weights and biases; there is none of the features."""
        (features,) = ctx.saved_tensors
        product = gradient.flatten(1).T @ features.to(gradient.dtype)
        weights = product.to(ctx.dtype).unflatten(0, gradient.shape[1:])
        biases = [part.sum(dim=0).to(ctx.dtype) for part in gradient.unbind(1)]
        return None, *(tensor for pair in zip(weights, biases) for tensor in pair)
