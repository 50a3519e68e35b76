"""Keep the running mean of the teacher's logits."""

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn


class Center(nn.Module):
    """Average the mean teacher logits exponentially, over all ranks (DINO, Eq. 4).

    Args:
        channels: Number K of prototypes.
        momentum: Share of the old centre that stays.
    """

    def __init__(self, channels: int, momentum: float = 0.9) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f'momentum must be in [0, 1], got {momentum}.')
        self.momentum = momentum
        self.register_buffer('value', torch.zeros(1, channels))

    @torch.no_grad()
    def update(self, mean: Tensor) -> None:
        """Move towards this batch's mean; every rank must hold as many samples as the others.

        Args:
            mean: (1, K) mean logits of this rank's samples.
        """
        mean = mean.to(self.value.dtype, copy=True)
        all_reduce(mean, 'mean')
        self.value.lerp_(mean, 1 - self.momentum)
