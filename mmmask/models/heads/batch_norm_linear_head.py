"""Classify frozen patch tokens for segmentation.

mmseg imports this module when it first looks for a model, see :mod:`mmmask.registration`.
"""

from __future__ import annotations

from typing import Any

from mmcv.cnn import build_norm_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class BatchNormLinearHead(BaseDecodeHead):
    """DINOv2's linear segmentation: BatchNorm, then one 1 x 1 convolution.

    It reads the maps of several blocks side by side. The norm keeps one learning rate suitable for
    features of any scale.

    Args:
        in_channels: Width of each map.
        norm_cfg: The BatchNorm; None: SyncBN, as published.
        dropout_ratio: 0, as published.
        **options: Those of mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: list[int],
        norm_cfg: dict | None = None,
        dropout_ratio: float = 0.0,
        **options: Any,
    ) -> None:
        norm_cfg = norm_cfg or dict(type='SyncBN')
        super().__init__(
            in_channels=in_channels,
            channels=sum(in_channels),
            input_transform='resize_concat',
            norm_cfg=norm_cfg,
            dropout_ratio=dropout_ratio,
            **options,
        )
        self.bn = build_norm_layer(norm_cfg, self.channels)[1]

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return class scores (B, K, h, w) of the backbone's maps (B, C, h, w)."""
        return self.cls_seg(self.bn(self._transform_inputs(inputs)))
