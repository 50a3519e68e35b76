"""Attention of the CLS token, read off a forward pass that happens anyway."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .query_key import check_blocks, check_head, listen


class AttentionRecord:
    """What an :class:`AttentionTap` read during one forward pass.

    Args:
        tap: Whose record it is.
        blocks: Indices of the tapped blocks (non-negative).
        num_extra_tokens: Number of leading tokens that are no patches (1: CLS).
    """

    def __init__(self, tap: 'AttentionTap', blocks: Sequence[int], num_extra_tokens: int) -> None:
        self.tap = tap
        self.blocks = tuple(blocks)
        self.num_extra_tokens = num_extra_tokens
        self._attention: dict[int, Tensor] = {}

    def read(self, block: int, query: Tensor, key: Tensor) -> None:
        """Keep the row of the CLS query; O(N d), the (N, N) map is never made.

        Args:
            block: Index of the block.
            query: (B, N, H, d), N tokens with the extra ones first.
            key: (B, N, H, d).
        """
        query, key = query[:, 0].float(), key.float()
        logits = torch.einsum('bhd,bnhd->bhn', query, key)
        head_width, num_heads = query.shape[-1], query.shape[1]
        if self.tap.reduction == 'softmax_of_mean':
            logits = logits[..., self.num_extra_tokens :] * (head_width * num_heads) ** -0.5
            self._attention[block] = logits.mean(dim=1, keepdim=True).softmax(dim=-1)
            return
        attention = (logits * head_width**-0.5).softmax(dim=-1)[..., self.num_extra_tokens :]
        if self.tap.head is not None:
            check_head('AttentionTap', self.tap.head, num_heads)
            attention = attention[:, [self.tap.head]]
        self._attention[block] = attention

    def scores(self) -> Tensor:
        """Attention of CLS to the patches, summed over the tapped blocks.

        Returns:
            float32 scores, (B, L) as the mean over heads (AttMask, Eq. 5-7), or (B, H, L) with
            ``per_head``. A row of one block sums to 1 minus the attention that CLS pays to itself.

        Raises:
            RuntimeError: If no forward pass went through the tapped blocks.
        """
        missing = [block for block in self.blocks if block not in self._attention]
        if missing:
            raise RuntimeError(f'No forward pass went through the tapped blocks {missing}.')
        attention = sum(self._attention[block] for block in self.blocks)
        return attention if self.tap.per_head else attention.mean(dim=1)


@MODELS.register_module()
class AttentionTap:
    r"""Reads the CLS token's attention of chosen blocks of a ViT.

    The tap listens to the queries and keys of each chosen block. The block itself is not touched:
    it keeps ``scaled_dot_product_attention``, and no second forward is needed.

    Args:
        blocks: Blocks to read, negative from the end, or ``'all'``; the scores are their sum.
            AttMask's default is the last block (Table 9a compares 6, 9, 11 and 12, counted from 1);
            ccMIM's published code sums over all.
        per_head: Keep the heads apart, for plots and for choosing a head.
        head: One head instead of the mean over heads, negative from the end.
        reduction: ``'mean_of_softmax'``: a softmax over all tokens for each head, then the mean
            over heads (MST, Eq. 4; AttMask, Eq. 7; ccMIM's published code).
            ``'softmax_of_mean'``: the mean over heads of the logits :math:`q_0 K_{1:} / \sqrt{D}`,
            D the width of all heads together, then one softmax over the patches (ccMIM, Eq. 4).

    Raises:
        ValueError: If there is no block to read, the reduction is unknown, or it leaves no heads
            to choose from.

    Example:
        >>> tap = AttentionTap(blocks=(-1,))
        >>> with tap(backbone) as record:
        ...     backbone(images)
        >>> record.scores().shape  # (B, L)
    """

    def __init__(
        self,
        blocks: Sequence[int] | str = (-1,),
        per_head: bool = False,
        head: int | None = None,
        reduction: str = 'mean_of_softmax',
    ) -> None:
        if not blocks or isinstance(blocks, str) and blocks != 'all':
            raise ValueError(f"AttentionTap reads at least one block, or 'all', got {blocks!r}.")
        if reduction not in ('mean_of_softmax', 'softmax_of_mean'):
            raise ValueError(
                "AttentionTap's reduction must be 'mean_of_softmax' or 'softmax_of_mean', got "
                f'{reduction!r}.'
            )
        if (per_head or reduction == 'softmax_of_mean') and head is not None:
            raise ValueError('AttentionTap reads one head, or keeps or averages all: not both.')
        if per_head and reduction == 'softmax_of_mean':
            raise ValueError("AttentionTap's reduction 'softmax_of_mean' has no heads to keep.")
        self.blocks = blocks if blocks == 'all' else tuple(blocks)
        self.per_head = per_head
        self.head = head
        self.reduction = reduction

    def indices(self, backbone: nn.Module) -> list[int]:
        """The blocks that are read, in order.

        Raises:
            ValueError: If it isn't a ViT, or a block doesn't exist.
        """
        everything = self.blocks == 'all' and hasattr(backbone, 'layers')
        blocks = range(len(backbone.layers)) if everything else self.blocks
        return check_blocks('AttentionTap', blocks, backbone)

    @contextmanager
    def __call__(self, backbone: nn.Module) -> Iterator[AttentionRecord]:
        """Listen while the context is open.

        Args:
            backbone: A ViT with ``layers[i].attn.qkv``, ``layers[i].attn.num_heads`` and
                ``num_extra_tokens``.

        Raises:
            ValueError: If a block doesn't exist or the backbone has no CLS token.
        """
        blocks = self.indices(backbone)
        if backbone.cls_token is None:
            raise ValueError(
                'AttentionTap reads the attention of the CLS token, and the backbone has none.'
            )
        record = AttentionRecord(self, blocks, backbone.num_extra_tokens)
        with listen(backbone, blocks, record.read):
            yield record
