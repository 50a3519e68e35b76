"""A ViT with register tokens, as DINOv2's later models have."""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .plain_vision_transformer import PlainVisionTransformer


@MODELS.register_module()
class RegisterVisionTransformer(PlainVisionTransformer):
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

    def prefix(self, positions: Tensor) -> list[Tensor]:
        return [*super().prefix(positions), self.register_tokens]

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> Tensor:
        if self.out_type != 'raw':
            patches = self.num_extra_tokens + self.register_tokens.shape[1]
            x = torch.cat([x[:, : self.num_extra_tokens], x[:, patches:]], dim=1)
        return super()._format_output(x, hw)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Return a parameter's depth for layer decay, and the number of depths.

        Registers have the CLS token's depth.
        """
        if param_name == f'{prefix}register_tokens':
            param_name = f'{prefix}cls_token'
        return super().get_layer_depth(param_name, prefix)
