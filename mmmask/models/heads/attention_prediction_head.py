"""Predict how much masked patches are attended to, GPA's second objective."""

from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor

from ..losses import masked_attention_loss


@MODELS.register_module()
class AttentionPredictionHead(BaseModule):
    """Compare predicted with given scores of masked patches (GPA, Eq. 7).

    Args:
        standardise: Compare with scores of mean 0 and standard deviation 1 in each image. The paper
            doesn't scale its targets; sums of logits are in the hundreds for some heads and below
            one for others, and would drown the pixels or drown in them. False: the raw scores.
        weight: Weight of the loss beside the pixels' (1 in Eq. 8).
        init_cfg: As every mm module's.
    """

    def __init__(
        self, standardise: bool = True, weight: float = 1.0, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if weight <= 0:
            raise ValueError(
                f'weight must be positive, got {weight}: leave the decoder out instead.'
            )
        self.standardise = standardise
        self.weight = weight

    def loss(self, prediction: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        """Return the weighted loss.

        Args:
            prediction: (B, L, 1) of the attention decoder.
            scores: (B, L) without gradient.
            mask: (B, L) bool.
        """
        return self.weight * masked_attention_loss(
            prediction.squeeze(-1), scores, mask, self.standardise
        )
