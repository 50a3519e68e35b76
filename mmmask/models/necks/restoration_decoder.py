"""Decode tokens to an image, as MST does."""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, ModuleList
from mmpretrain.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class RestorationDecoder(BaseModule):
    """Decode patch tokens by convolutions and 2x up-samplings in turn (MST, Section 3.3).

    A stride of 16 takes four steps, one of 32 (Swin) five, one of 8 three. A step is a 3 x 3
    convolution, batch normalisation, ReLU and bilinear up-sampling; a last 3 x 3 convolution makes
    the three channels.

    The paper names neither the widths nor the interpolation. Its words about 2x up-samplings are
    those of SETR's progressive up-sampling, so interpolation is SETR's, bilinear. The widths halve
    as the map grows, from 256; so the decoder costs a fifth of the forward pass of a DeiT-S. SETR's
    constant 256 (``channels=256``) would cost twice that pass.

    Args:
        in_channels: Width C of the tokens.
        stride: Pixels between two tokens, a power of two.
        channels: Width of each step, or one for all; None: 256, halved at each step down to 16.
        norm_cfg: ``dict(type='BN')``, the default, or ``dict(type='SyncBN')``; the names of
            parameters are the same.
        init_cfg: As every mm module's; by default mmcv's, He's for the convolutions before a ReLU.

    Raises:
        ValueError: If the stride is no power of two, or there isn't one width for each step.
    """

    def __init__(
        self,
        in_channels: int,
        stride: int = 16,
        channels: int | Sequence[int] | None = None,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if stride < 2 or stride & (stride - 1):
            raise ValueError(
                f'RestorationDecoder up-samples by 2 at a time: stride must be a power of two, '
                f'got {stride}.'
            )
        num_steps = int(math.log2(stride))
        if channels is None:
            channels = [max(256 >> step, 16) for step in range(num_steps)]
        elif isinstance(channels, int):
            channels = [channels] * num_steps
        if len(channels) != num_steps:
            raise ValueError(
                f'A stride of {stride} takes {num_steps} steps, but channels has {len(channels)} '
                'widths.'
            )
        widths = [in_channels, *channels]
        self.stride = stride
        self.steps = ModuleList(
            ConvModule(width_in, width_out, 3, padding=1, norm_cfg=norm_cfg or dict(type='BN'))
            for width_in, width_out in zip(widths[:-1], widths[1:])
        )
        self.to_image = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Decode tokens to images.

        Args:
            tokens: Patch tokens (B, L, C) in row-major order, without the global token.
            grid: Rows and columns (h, w), whose product is L.

        Returns:
            (B, 3, stride h, stride w).
        """
        images = tokens.transpose(1, 2).unflatten(2, grid)  # (B, C, h, w)
        for step in self.steps:
            images = F.interpolate(
                step(images), scale_factor=2, mode='bilinear', align_corners=False
            )
        return self.to_image(images)
