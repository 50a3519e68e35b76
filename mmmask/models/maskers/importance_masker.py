"""Mask important tokens, with a chance for the others, as ccMIM does."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, sampled, top_ranked


@MODELS.register_module()
class ImportanceMasker(BaseMasker):
    """Mask int(r L) tokens by importance (ccMIM, Section 3.2 and Table 5).

    Args:
        ratio: See :class:`BaseMasker`; 0.75 in the paper.
        strategy: ``'published'``: the highest of softmax(scores) / softmax(u), u uniform in [0, 1),
            as the published code does and calls importance sampling. The scores, attention that
            sums to at most the number of blocks, differ little behind a softmax, so the noise
            weighs much until the attention is peaked. ``'proportional'``: sampling without
            replacement in proportion to the scores. ``'top'``: the highest scores, Table 5's
            "importance".
        per, prob: See :class:`BaseMasker`.

    Raises:
        ValueError: As :class:`BaseMasker`; also if the strategy is unknown, or a score to be
            sampled in proportion to is negative.
    """

    needs_scores = True

    def __init__(
        self,
        ratio: float | tuple[float, float] = 0.75,
        strategy: str = 'published',
        per: str = 'batch',
        prob: float = 1.0,
    ) -> None:
        super().__init__(ratio, per, prob)
        if strategy not in ('published', 'proportional', 'top'):
            raise ValueError(
                f"strategy must be 'published', 'proportional' or 'top', got {strategy!r}."
            )
        self.strategy = strategy

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        if self.strategy == 'top':
            return top_ranked(scores, counts)
        if self.strategy == 'proportional':
            if (scores < 0).any():
                raise ValueError('ImportanceMasker samples in proportion to scores: none below 0.')
            return sampled(scores, counts)
        noise = torch.rand(scores.shape, dtype=torch.float64).to(scores.device)
        # softmax(scores) / softmax(noise), up to a factor for each image.
        return top_ranked(scores.double() - noise, counts)
