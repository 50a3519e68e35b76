"""Whether two backbones compute the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def feature_difference(backbone: nn.Module, other: nn.Module, images: Tensor) -> float:
    """Largest absolute difference of all tokens of all blocks of two ViTs, in evaluation mode.

    Outputs and final norms, in which downstream models differ on purpose, play no part.

    Args:
        backbone: A ViT with ``layers``.
        other: Another.
        images: (B, 3, H, W), pre-processed.

    Raises:
        ValueError: If their blocks or tokens differ in number or shape.
    """
    blocks, others = _block_outputs(backbone, images), _block_outputs(other, images)
    shapes = [[tuple(block.shape) for block in side] for side in (blocks, others)]
    if shapes[0] != shapes[1]:
        raise ValueError(f'The features are {shapes[0]} and {shapes[1]}.')
    return max((mine - theirs).abs().max().item() for mine, theirs in zip(blocks, others))


def _block_outputs(backbone: nn.Module, images: Tensor) -> list[Tensor]:
    """Tokens (B, E + L, C) behind each block."""
    outputs: list[Tensor] = []

    def keep(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        outputs.append(output)

    hooks = [layer.register_forward_hook(keep) for layer in backbone.layers]
    was_training = backbone.training
    backbone.eval()
    try:
        backbone(images)
    finally:
        backbone.train(was_training)
        for hook in hooks:
            hook.remove()
    return outputs
