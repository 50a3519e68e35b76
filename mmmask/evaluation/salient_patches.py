"""Blacken what a reference network attends to (AttMask, Table A11)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmmask.models.maskers.base import top_ranked


class SalientPatches:
    """Set the most attended patches of images to black.

    The reference network scores patches of its own size by the attention of its CLS token in the
    last block, the mean over heads. Of L patches the ``int(r L)`` with the highest scores become
    black pixels. It sees the images as the tested model normalises them.

    Args:
        backbone: Config of the reference, with an ``init_cfg``, as ``FrozenScorer`` takes it.
        preprocessor: The tested model's; gives mean and standard deviation.

    Raises:
        UserError: If the reference has no weights, or they can't be read.
    """

    def __init__(self, backbone: Mapping, preprocessor: nn.Module) -> None:
        self.scorer = MODELS.build(
            dict(type='FrozenScorer', backbone=backbone, attention=dict(type='AttentionTap'))
        )
        self.scorer.init_weights()
        self.scorer.to(preprocessor.device)
        self.preprocessor = preprocessor

    @torch.no_grad()
    def __call__(self, images: Tensor, ratio: float) -> Tensor:
        """Return images (B, 3, H, W), normalised, with a share of their patches black."""
        network = self.scorer.backbone
        scores = self.scorer(images, network)  # (B, L)
        counts = torch.full((len(images),), int(ratio * scores.shape[1]))
        mask = top_ranked(scores, counts).unflatten(1, network.grid(*images.shape[-2:]))
        size = tuple(images.shape[-2:])
        mask = F.interpolate(mask[:, None].float(), size=size, mode='nearest') > 0
        black = images.new_zeros(1, 3, 1, 1)
        if getattr(self.preprocessor, 'mean', None) is not None:
            black = black - (self.preprocessor.mean / self.preprocessor.std).view(1, -1, 1, 1)
        return torch.where(mask, black, images)
