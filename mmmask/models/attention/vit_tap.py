"""Read scores off a forward pass of a ViT: blocks, heads and the record of the pass."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .query_key import check_blocks, listen


class AttentionRecord:
    """Keep the scores that a tap reads in one forward pass of a ViT.

    Args:
        tap: Whose record it is.
        blocks: Indices of the tapped blocks (non-negative).
        num_extra_tokens: Number of leading tokens that are no patches (1: CLS).
    """

    def __init__(self, tap: 'ViTTap', blocks: Sequence[int], num_extra_tokens: int) -> None:
        self.tap = tap
        self.blocks = tuple(blocks)
        self.num_extra_tokens = num_extra_tokens
        self._of_block: dict[int, Tensor] = {}

    def read(self, block: int, query: Tensor, key: Tensor) -> None:
        """Measure a block, and keep the result.

        Args:
            block: Index of the block.
            query: (B, N, H, d), N tokens with the extra ones first.
            key: (B, N, H, d).
        """
        with torch.autocast(query.device.type, enabled=False):  # it would round the products
            measured = self.tap.measure(query.float(), key.float(), self.num_extra_tokens)
        self._of_block[block] = measured

    def scores(self) -> Tensor:
        """Return the scores of the patches, summed over the tapped blocks.

        Returns:
            float32, (B, L) of the tap's head or of its heads together, or (B, H, L) with
            ``per_head``.

        Raises:
            RuntimeError: If no forward pass went through the tapped blocks.
        """
        return sum(self.tap.finish(self.tap.chosen(measured)) for measured in self._read_blocks())

    def scores_by_block(self) -> Tensor:
        """Return the scores of every tapped block and each of its heads, e.g. to choose one.

        Returns:
            (blocks, B, H, L) float32, in the order of ``blocks``.

        Raises:
            RuntimeError: If no forward pass went through the tapped blocks.
        """
        return torch.stack([self.tap.finish(measured) for measured in self._read_blocks()])

    def _read_blocks(self) -> list[Tensor]:
        missing = [block for block in self.blocks if block not in self._of_block]
        if missing:
            raise RuntimeError(f'No forward pass went through the tapped blocks {missing}.')
        return [self._of_block[block] for block in self.blocks]


class ViTTap(ABC):
    """Read scores of patches off the queries and keys of chosen blocks of a ViT.

    The blocks are not touched: they keep ``scaled_dot_product_attention``, and no second forward is
    needed.

    Args:
        blocks: Blocks to read, negative from the end, or ``'all'``.
        head: One head, negative from the end; anything else: all of them together.
        per_head: Keep the heads apart.

    Raises:
        ValueError: If there is no block to read.
    """

    def __init__(self, blocks: Sequence[int] | str, head: int | str | None, per_head: bool) -> None:
        name = type(self).__name__
        if len(blocks) == 0:
            raise ValueError(f'{name} needs at least one block to read.')
        if isinstance(blocks, str) and blocks != 'all':
            raise ValueError(f"{name} reads blocks by their numbers or 'all', got {blocks!r}.")
        self.blocks = blocks if blocks == 'all' else tuple(blocks)
        self.head = head
        self.per_head = per_head

    @abstractmethod
    def measure(self, query: Tensor, key: Tensor, num_extra_tokens: int) -> Tensor:
        """Return (B, H, L) of a block's float32 queries and keys (B, N, H, d)."""

    @abstractmethod
    def together(self, measured: Tensor) -> Tensor:
        """Reduce all heads of a measured (B, H, L) to (B, L)."""

    def finish(self, chosen: Tensor) -> Tensor:
        """Turn a measurement, with its heads chosen, into scores; the last axis is L."""
        return chosen

    def chosen(self, measured: Tensor) -> Tensor:
        """Choose heads: (B, H, L) itself with ``per_head``, else (B, L)."""
        if self.per_head:
            return measured
        return measured[:, self.head] if isinstance(self.head, int) else self.together(measured)

    def indices(self, backbone: nn.Module) -> list[int]:
        """Return the blocks that are read, in order.

        Raises:
            ValueError: If it isn't a ViT, or a block or the head doesn't exist.
        """
        name = type(self).__name__
        everything = self.blocks == 'all' and hasattr(backbone, 'layers')
        blocks = range(len(backbone.layers)) if everything else self.blocks
        blocks = check_blocks(name, blocks, backbone)
        if isinstance(self.head, int):
            heads = min(backbone.layers[block].attn.num_heads for block in blocks)
            if not -heads <= self.head < heads:
                raise ValueError(
                    f'{name} reads head {self.head}, but the backbone has {heads} heads.'
                )
        return blocks

    @contextmanager
    def __call__(self, backbone: nn.Module) -> Iterator[AttentionRecord]:
        """Listen while the context is open.

        Args:
            backbone: A ViT with ``layers[i].attn.qkv``, ``layers[i].attn.num_heads`` and
                ``num_extra_tokens``: mmpretrain's ``VisionTransformer``, its BEiT without relative
                position bias, or a child of one of them.

        Raises:
            ValueError: If it isn't one, or a block or the head doesn't exist.
        """
        blocks = self.indices(backbone)
        record = AttentionRecord(self, blocks, backbone.num_extra_tokens)
        with listen(backbone, blocks, record.read):
            yield record
