"""Mask important tokens, with a chance for the others, as ccMIM does."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, sampled, top_ranked


@MODELS.register_module()
class ImportanceMasker(BaseMasker):
    """Mask the int(r L) tokens of highest softmax(scores) / softmax(u) (ccMIM, Section 3.2).

    u is uniform in [0, 1). The published code does so and calls it importance sampling. The scores,
    attention that sums to at most the number of blocks, differ little behind a softmax. So the
    noise weighs much until the attention is peaked. Table 5's "importance", without noise, is a
    `HighAttentionMasker`.

    Args:
        ratio: See :class:`BaseMasker`; 0.75 in the paper.
        per, prob: See :class:`BaseMasker`.
    """

    needs_scores = True

    def __init__(
        self, ratio: float | tuple[float, float] = 0.75, per: str = 'batch', prob: float = 1.0
    ) -> None:
        super().__init__(ratio, per, prob)

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        noise = torch.rand(scores.shape, dtype=torch.float64).to(scores.device)
        # softmax(scores) / softmax(noise), up to a factor for each image.
        return top_ranked(scores.double() - noise, counts)


@MODELS.register_module()
class ProportionalMasker(ImportanceMasker):
    """Sample int(r L) tokens without replacement in proportion to their scores; arguments as above.

    Raises:
        ValueError: If a score is negative.
    """

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        if (scores < 0).any():
            raise ValueError('ProportionalMasker samples in proportion to scores: none below 0.')
        return sampled(scores, counts)
