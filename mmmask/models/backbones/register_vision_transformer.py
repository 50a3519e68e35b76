"""A ViT with register tokens, as DINOv2's later models have."""

from __future__ import annotations

import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.models.utils import resize_pos_embed
from mmpretrain.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class RegisterVisionTransformer(VisionTransformer):
    """mmpretrain's ViT with registers (Darcet et al., "Vision Transformers Need Registers").

    Registers are learnt tokens between CLS token and patches. They have no position, take part in
    every block, and are left out of all outputs but 'raw'. Everything else, also the names of the
    parameters, is the parent's. They are frozen with the CLS token, by ``frozen_stages``.

    Args:
        num_registers: How many.
        **kwargs: The parent's.
    """

    def __init__(self, num_registers: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.register_tokens = nn.Parameter(
            torch.zeros(1, num_registers, self.embed_dims), requires_grad=self.frozen_stages <= 0
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features (B, 3, H, W) -> as the parent's, one for each of ``out_indices``."""
        x, grid = self.patch_embed(x)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + resize_pos_embed(
            self.pos_embed,
            self.patch_resolution,
            grid,
            mode=self.interpolate_mode,
            num_extra_tokens=self.num_extra_tokens,
        )
        prefix, patches = x[:, : self.num_extra_tokens], x[:, self.num_extra_tokens :]
        x = torch.cat([prefix, self.register_tokens.expand(len(x), -1, -1), patches], dim=1)
        x = self.pre_norm(self.drop_after_pos(x))
        outputs = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index == len(self.layers) - 1 and self.final_norm:
                x = self.ln1(x)
            if index in self.out_indices:
                outputs.append(self._format_output(x, grid))
        return tuple(outputs)

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> Tensor:
        if self.out_type != 'raw':
            registers = self.register_tokens.shape[1]
            prefix, patches = x[:, : self.num_extra_tokens], x[:, self.num_extra_tokens :]
            x = torch.cat([prefix, patches[:, registers:]], dim=1)
        return super()._format_output(x, hw)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Depth of a parameter for layer decay, and number of depths: registers are tokens."""
        if param_name == f'{prefix}register_tokens':
            param_name = f'{prefix}cls_token'
        return super().get_layer_depth(param_name, prefix)
