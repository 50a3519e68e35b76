"""Mask the most attended tokens: AttMask-High."""

from mmpretrain.registry import MODELS
from torch import Tensor

from .base import BaseMasker, top_ranked


@MODELS.register_module()
class HighAttentionMasker(BaseMasker):
    r"""Mask the :math:`k = \lfloor r n \rfloor` most attended tokens (AttMask, Eq. 8-9).

    Args:
        ratio: See :class:`BaseMasker`; by default one r per batch from U(0.1, 0.5), as in AttMask.
        per: See :class:`BaseMasker`.
        prob: See :class:`BaseMasker`; by default 0.5, as in AttMask.
    """

    needs_scores = True

    def __init__(
        self, ratio: float | tuple[float, float] = (0.1, 0.5), per: str = 'batch', prob: float = 0.5
    ) -> None:
        super().__init__(ratio, per, prob)

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        return top_ranked(scores, counts)
