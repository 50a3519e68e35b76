"""Mask some of the least attended tokens, as MST does."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, sampled, top_ranked


@MODELS.register_module()
class ThresholdMasker(BaseMasker):
    r"""Mask each of the least attended tokens with a probability p (MST, Eq. 5).

    The :math:`\lfloor n / num \rfloor` least attended tokens are candidates. Where scores tie at
    the threshold, the earlier tokens are candidates, so their number is always the same; Eq. 5's
    strict inequality would give fewer. Alg. 1, taken literally, masks among the *other* tokens; the
    text, Eq. 5 and Figure 2 agree on the least attended ones. An image of fewer than num tokens has
    no candidates.

    Args:
        num: By default 8, the best of MST's Table 5. 1: every token is a candidate.
        token_prob: p; by default 0.10, the best of MST's Table 5.
        prob: See :class:`BaseMasker`.

    Raises:
        ValueError: If ``num`` is no positive integer, or a probability lies outside [0, 1].
    """

    needs_scores = True

    def __init__(self, num: int = 8, token_prob: float = 0.1, prob: float = 1.0) -> None:
        super().__init__(ratio=1.0, prob=prob)
        if not isinstance(num, int) or num < 1:
            raise ValueError(f'num must be an integer of at least 1, got {num}.')
        if not 0 <= token_prob <= 1:
            raise ValueError(f'token_prob must be in [0, 1], got {token_prob}.')
        self.num = num
        self.token_prob = token_prob

    def sample_counts(self, batch_size: int, num_tokens: int) -> Tensor:
        """Return (B,) counts, binomial in the number of candidates."""
        candidates = torch.rand(batch_size, num_tokens // self.num, dtype=torch.float64)
        return (candidates < self.token_prob).sum(dim=1)

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        least = top_ranked(-scores, torch.full_like(counts, scores.shape[1] // self.num))
        # Binomially many of the candidates, uniformly chosen: independent ones.
        return sampled(torch.ones_like(scores), counts, among=least)
