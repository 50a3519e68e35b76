"""Masks of tokens drawn uniformly at random."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, top_ranked


@MODELS.register_module()
class RandomMasker(BaseMasker):
    """Exactly int(r L) tokens, uniformly at random (MAE, SimMIM; AttMask's baselines).

    Args:
        ratio: See :class:`BaseMasker`; AttMask's Table 1 compares (0.1, 0.5) and 0.75.
        per: See :class:`BaseMasker`.
        prob: See :class:`BaseMasker`.
    """

    def __init__(
        self,
        ratio: float | tuple[float, float] = (0.1, 0.5),
        per: str = 'batch',
        prob: float = 1.0,
    ) -> None:
        super().__init__(ratio, per, prob)

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        return top_ranked(torch.rand(len(counts), grid[0] * grid[1]), counts)
