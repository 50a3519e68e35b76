"""Read the attention of a Swin off a forward pass that happens anyway."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from mmpretrain.models.utils import ShiftWindowMSA
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..compilation import uncompiled


class SwinAttentionRecord:
    """Keep the attention that a :class:`SwinAttentionTap` reads in one forward pass.

    Args:
        backbone: Gives the grid of the mask for the size of the images.
        attention: The tapped block's window attention.
        per_head: Whether the scores keep the heads apart.
    """

    def __init__(self, backbone: nn.Module, attention: nn.Module, per_head: bool) -> None:
        self._backbone = backbone
        self._attention = attention
        self._per_head = per_head
        self._image_size: tuple[int, int] | None = None
        self._grid: tuple[int, int] | None = None
        self._received: Tensor | None = None

    def see_images(self, _module: nn.Module, inputs: tuple) -> None:
        self._image_size = tuple(inputs[0].shape[-2:])

    def see_grid(self, _module: nn.Module, inputs: tuple) -> None:
        self._grid = tuple(inputs[1])

    def see_softmax(self, _module: nn.Module, _inputs: tuple, attention: Tensor) -> None:
        """Keep the attention that each token receives from the others of its window.

        Args:
            attention: (B nW, H, N, N), rows are queries; N tokens of each of the nW windows of a
                map that may be padded and shifted.
        """
        rows, columns = self._grid
        window = self._attention.window_size
        height, width = (_round_up(n, window) for n in (rows, columns))
        shift = self._attention.shift_size
        if min(rows, columns) == window and not self._attention.pad_small_map:
            shift = 0  # as the block itself has it
        queries = attention.new_zeros(1, height, width, 1, dtype=torch.float32)
        queries[:, :rows, :columns] = 1  # padding asks nothing
        queries = ShiftWindowMSA.window_partition(_rolled(queries, -shift), window)
        queries = queries.reshape(-1, 1, 1, window**2)  # (nW, 1, 1, N)
        attention = attention.detach().float().unflatten(0, (-1, len(queries)))  # (B, nW, H, N, N)
        with torch.autocast(attention.device.type, enabled=False):  # it would round the product
            received = queries @ attention / queries.sum(-1, keepdim=True).clamp(min=1)
        received = received.squeeze(-2).movedim(2, -1).flatten(0, 1)  # (B nW, N, H)
        maps = ShiftWindowMSA.window_reverse(received, height, width, window)
        maps = _rolled(maps, shift)[:, :rows, :columns]
        self._received = maps.permute(0, 3, 1, 2)  # (B, H, rows, columns)

    def scores(self) -> Tensor:
        """Return the attention that each cell of the mask receives.

        Returns:
            float32 scores, (B, L) as the mean over heads, or (B, H, L) with ``per_head``.

        Raises:
            RuntimeError: If no forward pass went through the tapped block.
        """
        if self._received is None:
            raise RuntimeError('No forward pass went through the tapped block.')
        maps = self._received if self._per_head else self._received.mean(dim=1, keepdim=True)
        grid = self._backbone.grid(*self._image_size)
        if grid[0] < maps.shape[-2] or grid[1] < maps.shape[-1]:
            maps = F.adaptive_avg_pool2d(maps, grid)
        elif grid != tuple(maps.shape[-2:]):
            maps = F.interpolate(maps, size=grid, mode='nearest')
        return maps.flatten(2) if self._per_head else maps.flatten(1)


@MODELS.register_module()
class SwinAttentionTap:
    """Read how much the patches of a Swin are attended to.

    MST scores patches by the CLS token's attention and says nothing about Swin, which has no such
    token. Here a patch's score is the attention that it *receives*: the mean over the queries of
    its window, and over heads, of softmax rows (relative position bias included). The global token
    of :class:`MaskedSwinTransformer` is the mean of all patches, so this is the attention that the
    mean patch pays. At the papers' size the last stage's map is one window, so all scores compare.
    Of several windows, each has shares of its own. Padding is no query and has no score.

    A cell of the mask gets the mean of its patches. Where the mask is finer than the map, a cell
    gets the score of the patch around it.

    Args:
        stage: Stage of the block, negative from the end.
        block: Block within the stage; None: the stage's last one whose windows aren't shifted.
        per_head: Keep the heads apart.
    """

    def __init__(self, stage: int = -1, block: int | None = None, per_head: bool = False) -> None:
        self.stage = stage
        self.block = block
        self.per_head = per_head

    @contextmanager
    def __call__(self, backbone: nn.Module) -> Iterator[SwinAttentionRecord]:
        """Listen while the context is open.

        Args:
            backbone: A ``MaskedSwinTransformer``.

        Raises:
            ValueError: If it isn't a Swin, or the stage or the block doesn't exist.
        """
        block = self._block_of(backbone)
        attention = block.attn
        record = SwinAttentionRecord(backbone, attention, self.per_head)
        handles = [
            backbone.patch_embed.register_forward_pre_hook(record.see_images),
            attention.register_forward_pre_hook(record.see_grid),
            attention.w_msa.softmax.register_forward_hook(record.see_softmax),
        ]
        try:
            with uncompiled([block]):
                yield record
        finally:
            for handle in handles:
                handle.remove()

    def _block_of(self, backbone: nn.Module) -> nn.Module:
        """Return the block that is read."""
        stages = getattr(backbone, 'stages', None)
        if stages is None:
            raise ValueError(
                f'SwinAttentionTap reads a Swin, not {type(backbone).__name__}: use an '
                'AttentionTap for a ViT.'
            )
        if not -len(stages) <= self.stage < len(stages):
            raise ValueError(
                f'SwinAttentionTap reads stage {self.stage}, but the backbone has {len(stages)} '
                'stages.'
            )
        blocks = stages[self.stage].blocks
        if self.block is None:
            return [block for block in blocks if block.attn.shift_size == 0][-1]
        if not -len(blocks) <= self.block < len(blocks):
            raise ValueError(
                f'SwinAttentionTap reads block {self.block}, but stage {self.stage} has '
                f'{len(blocks)} blocks.'
            )
        return blocks[self.block]


def _rolled(maps: Tensor, shift: int) -> Tensor:
    """Roll a map (B, H, W, C) around its edges."""
    return maps.roll((shift, shift), dims=(1, 2)) if shift else maps


def _round_up(number: int, step: int) -> int:
    """Return the smallest multiple of ``step`` that isn't below a number."""
    return -(-number // step) * step
