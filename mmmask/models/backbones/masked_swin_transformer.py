"""The Swin Transformer of this project: mmpretrain's, with a mask token."""

import math

import torch
from mmpretrain.models.backbones import SwinTransformer
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.config.init_cfg import pretrained_of
from mmmask.models.initialise import draw_linear_layers, trunc_normal

from .masked_tokens import check_mask, enlarge


@MODELS.register_module()
class MaskedSwinTransformer(SwinTransformer):
    """A Swin whose masked patches are replaced by a learned token (MST, Table 1 and 2).

    Parameter names are the parent's plus ``mask_token``, so plain ``mmpretrain.SwinTransformer``
    loads them downstream. The replacement happens after the patch embedding (projection and norm)
    and before the first block. Swin has no CLS token. The global token, which comes first, is the
    *mean* of the last stage's patch tokens behind the final norm, as in DINO's and MoBY's Swins.

    A view smaller than a window, as a local one in the later stages, is padded to the window. Where
    a stage's map at ``img_size`` is no larger than a window, windows aren't shifted, as in the
    original implementation. So at that size the network is plain Swin. Weights start as in DINO:
    truncated normal of standard deviation 0.02 for linear layers, zero biases and mask token.

    Args:
        img_size: Size of the global views.
        with_mask_token: Whether there is a mask token. Methods without masks have none, so that no
            parameter is left without a gradient.
        mask_stride: Side of what is masked at a time, in pixels, a multiple of the patch size.
            None: the stride of the last stage, 32 in Swin-T, whose attention chooses: there is one
            score for a cell. 4 masks single patches, which neighbours would give away.
        out_type: ``'raw'`` (all tokens, the global one first); there is no other.
        **kwargs: The parent's arguments, but for position embeddings, which Swin doesn't need.

    Raises:
        ValueError: If ``mask_stride`` or ``out_type`` is another, or position embeddings are asked
            for.
    """

    mask_mode = 'replace'
    num_extra_tokens = 1
    with_cls_token = False
    first_is_mean = True
    final_norm = True

    def __init__(
        self,
        arch: str | dict = 'tiny',
        img_size: int = 224,
        patch_size: int = 4,
        with_mask_token: bool = True,
        mask_stride: int | None = None,
        out_type: str = 'raw',
        **kwargs,
    ) -> None:
        if out_type != 'raw' or kwargs.get('use_abs_pos_embed'):
            raise ValueError(
                "MaskedSwinTransformer takes out_type='raw' only, and no position embeddings."
            )
        stages = len((self.arch_zoo[arch.lower()] if isinstance(arch, str) else arch)['depths'])
        kwargs = dict(pad_small_map=True, out_indices=(stages - 1,)) | kwargs
        super().__init__(arch, img_size, patch_size, **kwargs)
        last_stride = patch_size * 2 ** (stages - 1)
        self.mask_stride = last_stride if mask_stride is None else mask_stride
        if self.mask_stride < patch_size or self.mask_stride % patch_size:
            raise ValueError(
                f'mask_stride must be a multiple of the patch size {patch_size}, got {mask_stride}.'
            )
        self.img_size = (img_size, img_size)
        self.out_type = out_type
        self.out_channels = self.num_features[-1]
        self.patch_size = patch_size
        if with_mask_token:
            self.mask_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        self.with_mask_token = with_mask_token
        for stage, size in zip(self.stages, self._stage_grids(*self.patch_resolution)):
            for block in stage.blocks:
                if min(size) <= block.attn.window_size:
                    block.attn.shift_size = 0

    def init_weights(self) -> None:
        super().init_weights()
        if pretrained_of(self.init_cfg) is not None:
            return
        draw_linear_layers(self, trunc_normal)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of an image's cells to mask (a last, partial cell counts)."""
        return math.ceil(height / self.mask_stride), math.ceil(width / self.mask_stride)

    def token_grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of the patch tokens that come out of the last stage."""
        rows, columns = math.ceil(height / self.patch_size), math.ceil(width / self.patch_size)
        return self._stage_grids(rows, columns)[-1]

    def _stage_grids(self, rows: int, columns: int) -> list[tuple[int, int]]:
        """Return each stage's grid for a grid of patches; merging pads odd ones."""
        strides = [2**stage for stage in range(len(self.stages))]
        return [(math.ceil(rows / stride), math.ceil(columns / stride)) for stride in strides]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            x: Images, (B, 3, H, W).
            mask: (B, L) bool, True = masked, over the L cells of ``grid(H, W)`` in row-major order;
                None: nothing is masked.

        Returns:
            One output per ``out_indices``, by default (B, 1 + L', C) of the last stage after the
            final norm: the mean token, then the tokens of ``token_grid(H, W)``.

        Raises:
            ValueError: If the mask's shape isn't that of the cells, or there is no mask token.
        """
        tokens, grid = self.patch_embed(x)
        if mask is not None:
            tokens = self._replace(tokens, grid, mask, self.grid(*x.shape[-2:]))
        tokens = self.drop_after_pos(tokens)
        outputs = []
        for index, stage in enumerate(self.stages):
            tokens, grid = stage(tokens, grid, do_downsample=False)
            if index in self.out_indices:
                normed = getattr(self, f'norm{index}')(tokens)
                outputs.append(torch.cat((normed.mean(dim=1, keepdim=True), normed), dim=1))
            if stage.downsample is not None:
                tokens, grid = stage.downsample(tokens, grid)
        return tuple(outputs)

    def _replace(
        self, tokens: Tensor, grid: tuple[int, int], mask: Tensor, mask_grid: tuple[int, int]
    ) -> Tensor:
        """Put the mask token in the place of every patch (B, hw, C) of a masked cell (B, L)."""
        if not self.with_mask_token:
            raise ValueError('A mask was given to a backbone with with_mask_token=False.')
        check_mask(mask, (len(tokens), mask_grid[0] * mask_grid[1]))
        patches = self.mask_stride // self.patch_size
        mask = enlarge(mask.unflatten(1, mask_grid), patches, patches)
        mask = mask[:, : grid[0], : grid[1]].flatten(1).unsqueeze(-1)  # (B, hw, 1)
        return torch.where(mask, self.mask_token.to(tokens.dtype), tokens)
