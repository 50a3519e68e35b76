"""The one Vision Transformer of this project: mmpretrain's, with a mask token."""

import math

import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.models.utils import resize_pos_embed
from mmpretrain.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class MaskedVisionTransformer(VisionTransformer):
    """A ViT whose masked patches are replaced by a learned token (AttMask, Eq. 2 and 10; iBOT).

    Parameter names are the parent's plus ``mask_token``, so plain ``mmpretrain.VisionTransformer``
    loads them downstream. The replacement happens after the patch projection and before position
    embeddings are added. Weights start as in DINO and iBOT: truncated normal of standard deviation
    0.02 for linear layers, CLS token and position embeddings; zero biases and mask token.

    Args:
        with_mask_token: Whether there is a mask token. Methods without masks have none, so that no
            parameter is left without a gradient.
        out_type: As the parent's; ``'raw'`` (all tokens, CLS first) by default.
        **kwargs: The parent's arguments.
    """

    def __init__(
        self, *args, with_mask_token: bool = True, out_type: str = 'raw', **kwargs
    ) -> None:
        super().__init__(*args, out_type=out_type, **kwargs)
        if with_mask_token:
            self.mask_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        self.with_mask_token = with_mask_token

    def init_weights(self) -> None:
        super().init_weights()
        if self._starts_from_a_checkpoint():
            return
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.cls_token is not None:
            nn.init.trunc_normal_(self.cls_token, std=0.02)

    def _starts_from_a_checkpoint(self) -> bool:
        init_cfgs = [self.init_cfg] if isinstance(self.init_cfg, dict) else self.init_cfg or []
        return any(init_cfg['type'] == 'Pretrained' for init_cfg in init_cfgs)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches of an image (a last, partial patch is padded)."""
        rows, columns = self.patch_embed.projection.stride
        return math.ceil(height / rows), math.ceil(width / columns)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            x: Images, (B, 3, H, W).
            mask: (B, L) bool, True = masked, over the L patches in row-major order; None: nothing
                is masked.

        Returns:
            One output per ``out_indices``, by default (B, 1 + L, C) of the last block after the
            final norm.

        Raises:
            ValueError: If the mask's shape isn't that of the patches, or there is no mask token.
        """
        if mask is None:
            return super().forward(x)
        if not self.with_mask_token:
            raise ValueError('A mask was given to a backbone with with_mask_token=False.')
        tokens, grid = self.patch_embed(x)
        if mask.shape != tokens.shape[:2]:
            raise ValueError(
                f'The mask is {tuple(mask.shape)}, but the patches are {tuple(tokens.shape[:2])}.'
            )
        tokens = torch.where(mask.unsqueeze(-1), self.mask_token.to(tokens.dtype), tokens)
        return self._encode(tokens, grid)

    def _encode(self, tokens: Tensor, grid: tuple[int, int]) -> tuple[Tensor, ...]:
        """Run everything behind the patch embedding, as the parent does.

        Args:
            tokens: Patch tokens, (B, L, C).
            grid: Rows and columns of patches.
        """
        if self.cls_token is not None:
            tokens = torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1)
        tokens = tokens + resize_pos_embed(
            self.pos_embed,
            self.patch_resolution,
            grid,
            mode=self.interpolate_mode,
            num_extra_tokens=self.num_extra_tokens,
        )
        tokens = self.pre_norm(self.drop_after_pos(tokens))
        outputs = []
        for index, layer in enumerate(self.layers):
            tokens = layer(tokens)
            if self.final_norm and index == self.num_layers - 1:
                tokens = self.ln1(tokens)
            if index in self.out_indices:
                outputs.append(self._format_output(tokens, grid))
        return tuple(outputs)
