"""GPA: how much each patch is attended to by all others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .query_key import check_blocks, check_head, listen


def received_attention(query: Tensor, key: Tensor, softmax: bool = False) -> Tensor:
    r"""Attention that each patch receives from the others (GPA, Eq. 4-5).

    :math:`\sum_{i \ne m} q_i k_m / \sqrt{d} = (\sum_i q_i - q_m) k_m / \sqrt{d}`: linear in the
    number of patches, the (L, L) map is never made.

    Args:
        query: (B, L, H, d).
        key: (B, L, H, d).
        softmax: Sum each query's softmax over the patches instead of the logits. It takes the
            (L, L) map of every head.

    Returns:
        (B, H, L), float32 or better.
    """
    query, key = query.float(), key.float()
    scale = query.shape[-1] ** -0.5
    if not softmax:
        others = query.sum(dim=1, keepdim=True) - query
        return torch.einsum('blhd,blhd->bhl', others, key) * scale
    attention = (torch.einsum('bihd,bmhd->bhim', query, key) * scale).softmax(dim=-1)
    return attention.sum(dim=2) - attention.diagonal(dim1=2, dim2=3)


class ReceivedAttentionRecord:
    """What a :class:`ReceivedAttentionTap` read during one forward pass.

    Args:
        tap: Whose record it is.
        blocks: Indices of the tapped blocks (non-negative).
        num_extra_tokens: Number of leading tokens that are no patches.
    """

    def __init__(
        self, tap: 'ReceivedAttentionTap', blocks: Sequence[int], num_extra_tokens: int
    ) -> None:
        self.tap = tap
        self.blocks = tuple(blocks)
        self.num_extra_tokens = num_extra_tokens
        self._received: dict[int, Tensor] = {}

    def read(self, block: int, query: Tensor, key: Tensor) -> None:
        """Keep what the patches of a block receive.

        Args:
            block: Index of the block.
            query: (B, N, H, d), N tokens with the extra ones first.
            key: (B, N, H, d).
        """
        if isinstance(self.tap.head, int):
            check_head('ReceivedAttentionTap', self.tap.head, query.shape[2])
        patches = slice(self.num_extra_tokens, None)
        self._received[block] = received_attention(
            query[:, patches], key[:, patches], self.tap.softmax
        )

    def scores_by_block(self) -> Tensor:
        """Scores of every tapped block and every head.

        Returns:
            (blocks, B, H, L) float32.

        Raises:
            RuntimeError: If no forward pass went through the tapped blocks.
        """
        missing = [block for block in self.blocks if block not in self._received]
        if missing:
            raise RuntimeError(f'No forward pass went through the tapped blocks {missing}.')
        return torch.stack([self._received[block] for block in self.blocks])

    def scores(self) -> Tensor:
        """Scores of the tapped block.

        Returns:
            float32 scores, (B, L) of the tap's head or of the sum over heads, or (B, H, L) with
            ``per_head``.

        Raises:
            RuntimeError: If no forward pass went through the tapped block, or several are tapped.
        """
        if len(self.blocks) > 1:
            raise RuntimeError('Several blocks are tapped: use scores_by_block().')
        received = self.scores_by_block()[0]
        if self.tap.per_head:
            return received
        return received.sum(dim=1) if self.tap.head == 'sum' else received[:, self.tap.head]


@MODELS.register_module()
class ReceivedAttentionTap:
    """Reads GPA's scores: the attention that each patch receives from the others.

    Eq. 5 as printed leaves open which index is the key. The text says "how much other patches
    attend to m", so the key is m's. CLS neither asks nor is scored.

    Args:
        block: Block to read, negative from the end, or ``'all'``, for choosing one. The paper
            compares blocks in Table 5 and Fig. 4, counted from 0.
        head: Head to read, negative from the end, or ``'sum'`` over heads. The last head of the
            last block needs no choice (82.70 %); block 9, head 11 of MAE's ViT-B is what few shots
            choose (82.73 %).
        per_head: Keep the heads apart; ``head`` has no part then.
        softmax: See :func:`received_attention`.

    Raises:
        ValueError: If the head is neither a number nor ``'sum'``.
    """

    def __init__(
        self,
        block: int | str = -1,
        head: int | str = -1,
        per_head: bool = False,
        softmax: bool = False,
    ) -> None:
        if not isinstance(head, int) and head != 'sum':
            raise ValueError(f"head must be a number or 'sum', got {head!r}.")
        if not isinstance(block, int) and block != 'all':
            raise ValueError(f"block must be a number or 'all', got {block!r}.")
        self.block = block
        self.head = head
        self.per_head = per_head
        self.softmax = softmax

    def indices(self, backbone: nn.Module) -> list[int]:
        """The blocks that are read, in order.

        Raises:
            ValueError: If it isn't a ViT, or a block doesn't exist.
        """
        everything = self.block == 'all' and hasattr(backbone, 'layers')
        blocks = range(len(backbone.layers)) if everything else (self.block,)
        return check_blocks('ReceivedAttentionTap', blocks, backbone)

    @contextmanager
    def __call__(self, backbone: nn.Module) -> Iterator[ReceivedAttentionRecord]:
        """Listen while the context is open.

        Args:
            backbone: A ViT with ``layers[i].attn.qkv``, ``layers[i].attn.num_heads`` and
                ``num_extra_tokens``.

        Raises:
            ValueError: If it isn't a ViT, or a block doesn't exist.
        """
        blocks = self.indices(backbone)
        record = ReceivedAttentionRecord(self, blocks, backbone.num_extra_tokens)
        with listen(backbone, blocks, record.read):
            yield record
