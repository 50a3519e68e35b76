"""Mask tokens drawn uniformly at random."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, top_ranked


@MODELS.register_module()
class RandomMasker(BaseMasker):
    """Mask exactly int(r L) random tokens of every image (MAE, SimMIM; AttMask's baselines).

    Args:
        ratio: See :class:`BaseMasker`; AttMask's Table 1 compares (0.1, 0.5) and 0.75.
        per, prob: See :class:`BaseMasker`.
    """

    def __init__(
        self, ratio: float | tuple[float, float] = (0.1, 0.5), per: str = 'batch', prob: float = 1.0
    ) -> None:
        super().__init__(ratio, per, prob)

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        return top_ranked(torch.rand(len(counts), grid[0] * grid[1]), counts)


@MODELS.register_module()
class BernoulliMasker(RandomMasker):
    """Mask each token with probability r on its own (BERT; MST, Eq. 3); arguments as above."""

    def sample_counts(self, batch_size: int, num_tokens: int) -> Tensor:
        """Draw (B,) binomial counts: so many uniformly chosen tokens are independent ones."""
        tokens = torch.rand(batch_size, num_tokens, dtype=torch.float64)
        return (tokens < self.sample_ratios(batch_size).unsqueeze(1)).sum(dim=1)
