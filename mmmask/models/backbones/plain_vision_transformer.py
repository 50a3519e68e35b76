"""Cut the forward pass of mmpretrain's ViT into steps that a child can replace."""

from contextlib import nullcontext

import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.registry import MODELS
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mmmask.utils.errors import check_choice

from ..compilation import is_compiled
from .masked_tokens import keep
from .position import RESIZES, resize_position_embedding
from .recomputation import recomputing
from .subset_block import SubsetBlock


@MODELS.register_module()
class PlainVisionTransformer(VisionTransformer):
    """Encode images as mmpretrain's ViT does, in steps: a child replaces those that differ.

    The steps: ``patch_embed``, positions, :meth:`prefix`, :meth:`run_block` for each block,
    ``_format_output``. Parameters, their names and results are the parent's.

    Args:
        *args: The parent's.
        pos_embed_resize: How position embeddings are resized to another grid of patches, see
            :func:`~mmmask.models.backbones.position.resize_position_embedding`. ``'size'``: to the
            exact grid. ``'dino'``: as DINO's, iBOT's and AttMask's code. None: as ``'size'``, but
            a transfer that resizes them while loading does as the checkpoint says.
        recompute: What the backward pass computes again, so that less is kept for it; gradients are
            the same. ``'cheap'``: outputs of norms and activations, see
            :func:`~mmmask.models.backbones.recomputation.recomputing`. ``'blocks'``: everything in
            a block, which takes a fifth more time. ``'nothing'``.
        drop_path_by: What stochastic depth draws. ``'image'``: each image by itself, and all
            residuals are computed. ``'batch'``: a share of the batch, and only its residuals are
            computed, see :class:`~mmmask.models.backbones.subset_block.SubsetBlock`.
        **kwargs: The parent's.

    Raises:
        ValueError: If a choice is another.
    """

    def __init__(
        self,
        *args,
        pos_embed_resize: str | None = None,
        recompute: str = 'cheap',
        drop_path_by: str = 'image',
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_choice('drop_path_by', drop_path_by, ('image', 'batch'))
        if drop_path_by == 'batch':
            for layer in self.layers:
                SubsetBlock.take_over(layer)
        check_choice('recompute', recompute, ('nothing', 'cheap', 'blocks'))
        self.recompute = recompute
        if pos_embed_resize is not None:
            check_choice('pos_embed_resize', pos_embed_resize, RESIZES)
        self.pos_embed_resize = pos_embed_resize

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode images (B, 3, H, W); return an output of the parent's for each ``out_indices``."""
        return self.encode(*self.patch_embed(x))

    def encode(
        self, tokens: Tensor, grid: tuple[int, int], visible: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Take all steps behind the patch embedding.

        Args:
            tokens: Patch tokens, (B, L, C).
            grid: Rows and columns of patches.
            visible: (B, V) indices of the patches that go on; None: all.
        """
        positions = resize_position_embedding(
            self.pos_embed,
            self.patch_resolution,
            grid,
            self.pos_embed_resize or 'size',
            self.interpolate_mode,
            self.num_extra_tokens,
        )
        tokens = keep(tokens + positions[:, self.num_extra_tokens :], visible)
        if prefix := self.prefix(positions):
            prefix = [part.expand(len(tokens), -1, -1) for part in prefix]
            tokens = torch.cat((*prefix, tokens), dim=1)
        tokens = self.pre_norm(self.drop_after_pos(tokens))
        outputs = []
        for index in range(len(self.layers)):
            tokens = self._pass_block(index, tokens, grid)
            if self.final_norm and index == self.num_layers - 1:
                tokens = self.ln1(tokens)
            if index in self.out_indices:
                outputs.append(self._format_output(tokens, grid))
        return tuple(outputs)

    def _pass_block(self, index: int, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Run one block, and keep for the backward pass what ``recompute`` says."""
        if self.recompute == 'blocks' and torch.is_grad_enabled():
            return checkpoint(self.run_block, index, tokens, grid, use_reentrant=False)
        layer = self.layers[index]
        cheap = self.recompute == 'cheap' and not is_compiled(layer)  # compilers do it themselves
        with recomputing(layer) if cheap else nullcontext():
            return self.run_block(index, tokens, grid)

    def prefix(self, positions: Tensor) -> list[Tensor]:
        """Return the tokens (1, n, C) in front of the patches; positions are (1, E + L, C)."""
        return [] if self.cls_token is None else [self.cls_token + positions[:, :1]]

    def run_block(self, index: int, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Run one block, (B, N, C) -> (B, N, C)."""
        return self.layers[index](tokens)
