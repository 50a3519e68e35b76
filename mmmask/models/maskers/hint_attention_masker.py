"""Mask the most attended tokens, and show some of them again: AttMask-Hint."""

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from .base import top_ranked
from .high_attention_masker import HighAttentionMasker


@MODELS.register_module()
class HintAttentionMasker(HighAttentionMasker):
    r"""Mask as AttMask-High, then show random ones of the most attended tokens (AttMask, Hint).

    :math:`\lfloor s n \rfloor` of the :math:`\lfloor s_{max} n \rfloor` most attended tokens are
    shown, with :math:`s = s_{max} r'` and r' a second, independent draw of the ratio. A count of 0,
    as few tokens give, shows nothing (the published code fails there).

    Args:
        *args: As :class:`HighAttentionMasker`.
        show_max: :math:`s_{max}`.
        **kwargs: As :class:`HighAttentionMasker`.

    Raises:
        ValueError: As :class:`BaseMasker`; also if ``show_max`` lies outside [0, 1].
    """

    def __init__(self, *args, show_max: float = 0.1, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not 0 <= show_max <= 1:
            raise ValueError(f'show_max must be in [0, 1], got {show_max}.')
        self.show_max = show_max

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        mask = super().choose(grid, counts, scores)
        return mask & ~self._hints(mask, scores)

    def _hints(self, mask: Tensor, scores: Tensor) -> Tensor:
        """Return (B, L) bool: the masked tokens that are shown again."""
        batch_size, num_tokens = scores.shape
        candidates = torch.full((batch_size,), int(self.show_max * num_tokens))
        candidates = top_ranked(scores, candidates) & mask
        counts = (self.show_max * self.sample_ratios(batch_size) * num_tokens).long()
        order = torch.rand(batch_size, num_tokens).to(scores.device)
        return top_ranked(order + candidates, counts) & candidates
