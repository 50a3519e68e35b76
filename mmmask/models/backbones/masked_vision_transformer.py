"""Mask patches of mmpretrain's Vision Transformer."""

import math

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.config.init_cfg import pretrained_of
from mmmask.models.initialise import draw_linear_layers, trunc_normal
from mmmask.utils.errors import check_choice

from .masked_tokens import check_mask, replace_masked, visible_indices
from .plain_vision_transformer import PlainVisionTransformer
from .position import sincos_position_embedding


@MODELS.register_module()
class MaskedVisionTransformer(PlainVisionTransformer):
    """A ViT whose masked patches are replaced by a learned token, or dropped.

    Parameter names are the parent's plus ``mask_token``, so plain ``mmpretrain.VisionTransformer``
    loads them downstream.

    ``replace`` (AttMask, Eq. 2 and 10; iBOT; MST): masked patches are replaced after the patch
    projection and before position embeddings are added. ``drop`` (MAE, ccMIM): position embeddings
    are added, then only the visible patches go on.

    Args:
        mask_mode: ``'replace'`` or ``'drop'``.
        mask_style: What replaces: ``'token'`` or ``'bert'``, see
            :func:`~mmmask.models.backbones.masked_tokens.replace_masked`.
        with_mask_token: Whether there is a mask token; None: when masked patches are replaced.
            Methods without masks have none, so that no parameter is left without a gradient.
        pos_embed: ``'learned'``, or ``'sincos'``: fixed sines and cosines (MAE).
        init: How weights start. ``'dino'``: truncated normal of standard deviation 0.02 for linear
            layers, CLS token and position embeddings, zero biases and mask token (DINO, iBOT).
            ``'mae'``: Xavier-uniform for linear layers and for the patch projection as a linear
            layer, zero biases, normal of standard deviation 0.02 for the CLS token.
        out_type: As the parent's; ``'raw'`` (all tokens, CLS first) by default.
        **kwargs: The parent's arguments.

    Raises:
        ValueError: If a mode, style or name is unknown, or a mask token goes with dropping.
    """

    first_is_mean = False

    def __init__(
        self,
        *args,
        mask_mode: str = 'replace',
        mask_style: str = 'token',
        with_mask_token: bool | None = None,
        pos_embed: str = 'learned',
        init: str = 'dino',
        out_type: str = 'raw',
        **kwargs,
    ) -> None:
        super().__init__(*args, out_type=out_type, **kwargs)
        check_choice('mask_mode', mask_mode, ('replace', 'drop'))
        check_choice('mask_style', mask_style, ('token', 'bert'))
        check_choice('pos_embed', pos_embed, ('learned', 'sincos'))
        check_choice('init', init, ('dino', 'mae'))
        if mask_mode == 'drop' and (with_mask_token or mask_style != 'token'):
            raise ValueError(
                "With mask_mode='drop' nothing is replaced: leave out mask_style and "
                'with_mask_token.'
            )
        self.mask_mode = mask_mode
        self.mask_style = mask_style
        self.fixed_positions = pos_embed == 'sincos'
        self.init = init
        self.with_mask_token = (
            mask_mode == 'replace' if with_mask_token is None else with_mask_token
        )
        if self.with_mask_token:
            self.mask_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        if self.fixed_positions:
            self.pos_embed.requires_grad = False

    def init_weights(self) -> None:
        super().init_weights()
        if pretrained_of(self.init_cfg) is not None:
            return
        mae = self.init == 'mae'
        draw_linear_layers(self, nn.init.xavier_uniform_ if mae else trunc_normal)
        if mae:
            nn.init.xavier_uniform_(self.patch_embed.projection.weight.flatten(1))
        if self.cls_token is not None:
            draw = nn.init.normal_ if mae else nn.init.trunc_normal_
            draw(self.cls_token, std=0.02)
        if self.fixed_positions:
            patches = sincos_position_embedding(*self.patch_resolution, self.embed_dims)
            self.pos_embed.data.zero_()
            self.pos_embed.data[:, self.num_extra_tokens :] = patches

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of patches of an image (a last, partial patch is padded)."""
        rows, columns = self.patch_embed.projection.stride
        return math.ceil(height / rows), math.ceil(width / columns)

    token_grid = grid

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            x: Images, (B, 3, H, W).
            mask: (B, L) bool, True = masked, over the L patches in row-major order; None: nothing
                is masked. When masked patches are dropped, every image has equally many.

        Returns:
            One output per ``out_indices``, by default of the last block after the final norm,
            (B, 1 + L, C). With a mask in ``drop`` mode it is (B, 1 + V, C), the V visible patches
            in row-major order.

        Raises:
            ValueError: If the mask's shape isn't that of the patches, its counts differ in ``drop``
                mode, or there is no mask token.
        """
        if mask is None:
            return super().forward(x)
        tokens, grid = self.patch_embed(x)
        check_mask(mask, tokens.shape[:2])
        if self.mask_mode == 'drop':
            return self.encode(tokens, grid, visible_indices(mask))
        if not self.with_mask_token:
            raise ValueError('A mask was given to a backbone with with_mask_token=False.')
        return self.encode(replace_masked(tokens, mask, self.mask_token, self.mask_style), grid)
