"""AttMask: masks of what the teacher attends to."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, top_ranked


@MODELS.register_module()
class AttentionMasker(BaseMasker):
    r"""Masks the most (or least) attended tokens (AttMask, Section 3.2).

    ``high`` (Eq. 8-9): the :math:`k = \lfloor r n \rfloor` most attended tokens. ``low``: the k
    least attended ones. ``hint``: ``high``, less :math:`\lfloor s n \rfloor` random ones of the
    :math:`\lfloor s_{max} n \rfloor` most attended, with the show ratio :math:`s = s_{max} r'` and
    r' a second, independent draw of the ratio. A show count of 0, as few tokens give, reveals
    nothing (the published code fails there).

    Args:
        mode: ``'high'``, ``'low'`` or ``'hint'``.
        ratio: See :class:`BaseMasker`; one r per batch from U(0.1, 0.5) in the paper.
        per: See :class:`BaseMasker`.
        prob: See :class:`BaseMasker`; 0.5 in the paper.
        show_max: :math:`s_{max}` of ``hint``.
    """

    needs_scores = True

    def __init__(
        self,
        mode: str = 'high',
        ratio: float | tuple[float, float] = (0.1, 0.5),
        per: str = 'batch',
        prob: float = 0.5,
        show_max: float = 0.1,
    ) -> None:
        super().__init__(ratio, per, prob)
        if mode not in ('high', 'low', 'hint'):
            raise ValueError(f"mode must be 'high', 'low' or 'hint', got {mode!r}.")
        if not 0 <= show_max <= 1:
            raise ValueError(f'show_max must be in [0, 1], got {show_max}.')
        self.mode = mode
        self.show_max = show_max

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        mask = top_ranked(-scores if self.mode == 'low' else scores, counts)
        return mask & ~self._hints(mask, scores) if self.mode == 'hint' else mask

    def _hints(self, mask: Tensor, scores: Tensor) -> Tensor:
        """(B, L) bool: random tokens among the most attended masked ones, to be revealed."""
        batch_size, num_tokens = scores.shape
        candidates = torch.full((batch_size,), int(self.show_max * num_tokens))
        candidates = top_ranked(scores, candidates) & mask
        low, high = self.ratio
        draws = torch.rand(batch_size if self.per == 'image' else 1, dtype=torch.float64)
        counts = (self.show_max * (low + (high - low) * draws) * num_tokens).long()
        order = torch.rand(batch_size, num_tokens).to(scores.device)
        return top_ranked(order + candidates, counts.expand(batch_size)) & candidates
