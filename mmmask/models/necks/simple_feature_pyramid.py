"""Build feature pyramids from plain Vision Transformers, for mmdet and mmseg."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.utils import build_norm_layer
from mmpretrain.registry import MODELS
from torch import Tensor, nn

_LAYER_NORM = dict(type='LN2d', eps=1e-6)


def _rescale(scale: float, channels: int, norm_cfg: dict, halve: bool) -> tuple[nn.Sequential, int]:
    """Change a map's size by 4, 2, 1 or 1/2; gives the layers and their output channels.

    Each transposed convolution doubles the size; with ``halve`` it halves the channels.
    """
    first = channels // 2 if halve else channels
    second = first // 2 if halve else first
    if scale == 4:
        layers = [
            nn.ConvTranspose2d(channels, first, 2, stride=2),
            build_norm_layer(norm_cfg, first),
            nn.GELU(),
            nn.ConvTranspose2d(first, second, 2, stride=2),
        ]
        return nn.Sequential(*layers), second
    if scale == 2:
        return nn.Sequential(nn.ConvTranspose2d(channels, first, 2, stride=2)), first
    if scale == 1:
        return nn.Sequential(), channels
    if scale == 0.5:
        return nn.Sequential(nn.MaxPool2d(2)), channels
    raise ValueError(f'A pyramid is made of scales 4, 2, 1 and 0.5, not {scale}.')


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Build ViTDet's pyramid (arXiv 2203.16527, Sec. 3), all levels from the last map.

    A map of stride s becomes maps of strides s / scale. Each is brought to ``out_channels`` by a
    1 x 1 and a 3 x 3 convolution, without biases and each followed by a norm.

    Args:
        in_channels: Channels C of the backbone's map.
        out_channels: Channels D of every level.
        num_outs: Levels; those beyond the scales are max-pooled from the last one.
        scales: Sizes of the levels relative to the input, of 4, 2, 1 and 0.5.
        norm_cfg: Norm behind the convolutions; ViTDet's is a layer norm over channels.
        init_cfg: As every mm module's.

    Raises:
        ValueError: If there are fewer levels than scales, or another scale.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        num_outs: int = 5,
        scales: Sequence[float] = (4, 2, 1, 0.5),
        norm_cfg: dict = _LAYER_NORM,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_outs < len(scales):
            raise ValueError(f'num_outs={num_outs} is less than the number of scales {scales}.')
        self.num_outs = num_outs
        self.levels = nn.ModuleList()
        for scale in scales:
            rescale, channels = _rescale(scale, in_channels, norm_cfg, halve=True)
            self.levels.append(
                nn.Sequential(
                    *rescale,
                    nn.Conv2d(channels, out_channels, 1, bias=False),
                    build_norm_layer(norm_cfg, out_channels),
                    nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
                    build_norm_layer(norm_cfg, out_channels),
                )
            )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Build the pyramid.

        Args:
            inputs: One map (B, C, h, w), the backbone's last.

        Returns:
            ``num_outs`` maps, (B, D, scale h, scale w), the largest first.

        Raises:
            ValueError: If there is more than one map.
        """
        if len(inputs) != 1:
            raise ValueError(
                f'SimpleFeaturePyramid takes the last map of a backbone, not {len(inputs)} maps: '
                'set backbone.out_indices=-1.'
            )
        outputs = [level(inputs[0]) for level in self.levels]
        while len(outputs) < self.num_outs:
            outputs.append(F.max_pool2d(outputs[-1], kernel_size=1, stride=2))
        return tuple(outputs)


@MODELS.register_module()
class BlockFeaturePyramid(BaseModule):
    """Build the pyramid of iBOT's dense transfer (BEiT's): one level from each of several blocks.

    Blocks 3, 5, 7 and 11 of a ViT-S or B become maps of 4, 2, 1 and 0.5 times the size, with their
    width. Blocks 2, 5, 8 and 11 and a group norm make the pyramid of "Benchmarking detection
    transfer learning with vision transformers" (arXiv 2111.11429, Sec. 2).

    Args:
        in_channels: Channels C of the backbone's maps, and of every level.
        scales: Sizes of the levels relative to the inputs, of 4, 2, 1 and 0.5, one for each map.
        norm_cfg: Norm between the two convolutions of scale 4.
        init_cfg: As every mm module's.

    Raises:
        ValueError: If there is another scale.
    """

    def __init__(
        self,
        in_channels: int,
        scales: Sequence[float] = (4, 2, 1, 0.5),
        norm_cfg: dict = dict(type='SyncBN'),  # noqa: B006
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        levels = [_rescale(scale, in_channels, norm_cfg, halve=False)[0] for scale in scales]
        self.levels = nn.ModuleList(levels)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Build the pyramid.

        Args:
            inputs: One map (B, C, h, w) for each scale.

        Returns:
            As many maps, (B, C, scale h, scale w).

        Raises:
            ValueError: If there is another number of maps.
        """
        if len(inputs) != len(self.levels):
            raise ValueError(
                f'BlockFeaturePyramid has {len(self.levels)} scales, but takes {len(inputs)} maps: '
                'set backbone.out_indices to as many blocks.'
            )
        return tuple(level(x) for level, x in zip(self.levels, inputs))
