"""Mask tokens drawn uniformly at random."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, top_ranked


@MODELS.register_module()
class RandomMasker(BaseMasker):
    """Mask tokens at random.

    Exactly int(r L) of them (MAE, SimMIM; AttMask's baselines), or each with probability r on its
    own (BERT; MST, Eq. 3).

    Args:
        ratio: See :class:`BaseMasker`; AttMask's Table 1 compares (0.1, 0.5) and 0.75.
        per, prob: See :class:`BaseMasker`.
        sampling: ``'exact'``: int(r L) tokens of every image; ``'bernoulli'``: each token with
            probability r.
    """

    def __init__(
        self,
        ratio: float | tuple[float, float] = (0.1, 0.5),
        per: str = 'batch',
        prob: float = 1.0,
        sampling: str = 'exact',
    ) -> None:
        super().__init__(ratio, per, prob)
        if sampling not in ('exact', 'bernoulli'):
            raise ValueError(f"sampling must be 'exact' or 'bernoulli', got {sampling!r}.")
        self.sampling = sampling

    def sample_counts(self, batch_size: int, num_tokens: int) -> Tensor:
        if self.sampling == 'exact':
            return super().sample_counts(batch_size, num_tokens)
        # Uniformly chosen tokens, binomially many: independent ones.
        tokens = torch.rand(batch_size, num_tokens, dtype=torch.float64)
        return (tokens < self.sample_ratios(batch_size).unsqueeze(1)).sum(dim=1)

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        return top_ranked(torch.rand(len(counts), grid[0] * grid[1]), counts)
