"""Mask the least attended tokens: AttMask-Low."""

from mmpretrain.registry import MODELS
from torch import Tensor

from .base import top_ranked
from .high_attention_masker import HighAttentionMasker


@MODELS.register_module()
class LowAttentionMasker(HighAttentionMasker):
    """Mask the least attended tokens (AttMask, Section 3.2); arguments as AttMask-High's."""

    def choose(self, grid: tuple[int, int], counts: Tensor, scores: Tensor | None) -> Tensor:
        return top_ranked(-scores, counts)
