"""Let most blocks of a ViT attend within windows, as ViTDet does."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.utils.errors import check_choice

from .plain_vision_transformer import PlainVisionTransformer
from .relative_position import DecomposedRelativePositions, SharedRelativePositions


def split_windows(maps: Tensor, side: int) -> Tensor:
    """Cut maps into windows that don't overlap, row by row.

    Zeros fill up the last windows at the right and at the bottom.

    Args:
        maps: (B, h, w, C).
        side: Rows and columns W of a window.

    Returns:
        (B * N, W * W, C), the N windows of each map one after the other.
    """
    batch, rows, columns, channels = maps.shape
    maps = F.pad(maps, (0, 0, 0, -columns % side, 0, -rows % side))
    maps = maps.unflatten(2, (-1, side)).unflatten(1, (-1, side))  # (B, h/W, W, w/W, W, C)
    return maps.transpose(2, 3).reshape(-1, side * side, channels)


def join_windows(windows: Tensor, side: int, grid: tuple[int, int]) -> Tensor:
    """Undo :func:`split_windows`: from (B * N, W * W, C) to (B, h, w, C), of a grid (h, w)."""
    down, across = (-(-size // side) for size in grid)
    maps = windows.reshape(-1, down, across, side, side, windows.shape[-1])
    maps = maps.transpose(2, 3).flatten(3, 4).flatten(1, 2)
    return maps[:, : grid[0], : grid[1]]


def attend(
    attn: nn.Module, tokens: Tensor, bias: nn.Module | None, grid: tuple[int, int]
) -> Tensor:
    """Run mmpretrain's attention on the tokens (B, N, C) of a grid, with relative positions."""
    if bias is None:
        return attn(tokens)
    qkv = attn.qkv(tokens).unflatten(-1, (3, attn.num_heads, attn.head_dims))
    queries, keys, values = qkv.permute(2, 0, 3, 1, 4)
    dropout = attn.attn_drop if attn.training else 0.0
    found = F.scaled_dot_product_attention(queries, keys, values, bias(queries, grid), dropout)
    found = attn.proj(found.transpose(1, 2).flatten(2))
    return attn.out_drop(attn.gamma1(attn.proj_drop(found)))


@MODELS.register_module()
class WindowedVisionTransformer(PlainVisionTransformer):
    """A plain ViT for large images, with ViTDet's windows (arXiv 2203.16527, Sec. 3; 2111.11429).

    Patches attend within windows that don't overlap, but in a few global blocks, which carry
    information across. Names of parameters are the parent's, so any checkpoint of a ViT loads.
    What it is like in ViTDet:

    - A grid that is no multiple of the window is filled up with zeros behind the block's norm. As
      published, patches attend to the zeros, too; so attention needs no mask, as the fastest
      kernels want it. A grid that is smaller than a window is filled up to one.
    - There is no CLS token among the tokens, so that windows are equal; its position embedding is
      unused. ``cls_token`` stays as a parameter without a gradient, only for the checkpoint to be
      complete; ``with_cls_token=False`` leaves it out.
    - Stochastic depth drops a block for a whole image, not for single windows.

    The parent's absolute position embeddings are interpolated to each batch. Relative positions
    can be added to them. No pre-training has those: ``init_cfg.allow=dict(missing=[
    '*relative_positions.*'])`` lets them begin with zeros, which change nothing.

    Args:
        *args: The parent's.
        window_size: Rows and columns of patches of a window.
        global_blocks: Indices of the blocks that attend everywhere; None: the last one of each
            quarter, as ViTDet's 2, 5, 8 and 11 of 12.
        relative_positions: ``'shared'``: a number for each head and offset, in one table for all
            windowed blocks and one for all global ones (arXiv 2111.11429). ``'decomposed'``:
            vectors of each block for offsets of rows and of columns, which queries are multiplied
            by (ViTDet's published code). None: no relative positions.
        relative_grid: Rows and columns of patches that relative positions of global blocks are
            made for: of 1024 pixels by default. They are interpolated to another grid.
        out_type: ``'featmap'``, (B, C, h, w); there is no other.
        **kwargs: The parent's.

    Raises:
        ValueError: If the window has no patch, a block doesn't exist, or ``relative_positions`` or
            ``out_type`` is another.
    """

    def __init__(
        self,
        *args,
        window_size: int = 14,
        global_blocks: Sequence[int] | None = None,
        relative_positions: str | None = None,
        relative_grid: int = 64,
        out_type: str = 'featmap',
        **kwargs,
    ) -> None:
        if out_type != 'featmap':
            raise ValueError(
                f"WindowedVisionTransformer makes maps: out_type='featmap', not {out_type!r}."
            )
        if kwargs.get('drop_path_by', 'image') != 'image':
            raise ValueError("WindowedVisionTransformer takes drop_path_by='image' only.")
        super().__init__(*args, out_type=out_type, **kwargs)
        if window_size < 1:
            raise ValueError(f'window_size must be at least 1, got {window_size}.')
        if global_blocks is None:
            ends = [self.num_layers * quarter // 4 - 1 for quarter in (1, 2, 3, 4)]
            global_blocks = [end for end in ends if end >= 0]
        unknown = [index for index in global_blocks if not 0 <= index < self.num_layers]
        if unknown:
            raise ValueError(f'global_blocks has {unknown[0]}, of {self.num_layers} blocks from 0.')
        self.window_size = window_size
        self.global_blocks = frozenset(global_blocks)
        if self.cls_token is not None:
            self.cls_token.requires_grad_(False)
        # Within an attention, it would drop windows: here it comes after they are joined.
        self.drop_paths = nn.ModuleList(
            nn.Identity() if index in self.global_blocks else layer.attn.out_drop
            for index, layer in enumerate(self.layers)
        )
        for index, layer in enumerate(self.layers):
            if index not in self.global_blocks:
                layer.attn.out_drop = nn.Identity()

        if relative_positions is not None:
            check_choice('relative_positions', relative_positions, ('shared', 'decomposed'))
        self.relative_positions = nn.ModuleDict()  # those that blocks share
        self.biases: list[nn.Module | None] = []  # each block's
        for index, layer in enumerate(self.layers):
            is_global, bias = index in self.global_blocks, None
            grid = (relative_grid if is_global else window_size,) * 2
            if relative_positions == 'decomposed':
                bias = DecomposedRelativePositions(grid, layer.attn.head_dims)
                layer.attn.relative_positions = bias
            elif relative_positions == 'shared':
                name = 'whole' if is_global else 'windows'
                if name not in self.relative_positions:
                    shared = SharedRelativePositions(grid, layer.attn.num_heads)
                    self.relative_positions[name] = shared
                bias = self.relative_positions[name]
            self.biases.append(bias)

    def prefix(self, positions: Tensor) -> list[Tensor]:
        return []

    def run_block(self, index: int, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        layer, bias = self.layers[index], self.biases[index]
        if index not in self.global_blocks:
            maps = layer.ln1(tokens).unflatten(1, grid)
            windows = split_windows(maps, self.window_size)
            windows = attend(layer.attn, windows, bias, (self.window_size,) * 2)
            attended = join_windows(windows, self.window_size, grid).flatten(1, 2)
        elif bias is not None:
            attended = attend(layer.attn, layer.ln1(tokens), bias, grid)
        else:
            return super().run_block(index, tokens, grid)
        tokens = tokens + self.drop_paths[index](attended)
        return layer.ffn(layer.ln2(tokens), identity=tokens)

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> Tensor:
        return x.transpose(1, 2).unflatten(2, hw)
