"""Attention of the CLS token, read off a forward pass that happens anyway."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn


class AttentionRecord:
    """What an :class:`AttentionTap` read during one forward pass.

    Args:
        blocks: Indices of the tapped blocks (non-negative).
        per_head: Whether the scores keep the heads apart.
    """

    def __init__(self, blocks: Sequence[int], per_head: bool) -> None:
        self.blocks = tuple(blocks)
        self.per_head = per_head
        self._attention: dict[int, Tensor] = {}

    def read(self, block: int, qkv: Tensor, num_heads: int, num_extra_tokens: int) -> None:
        """Keep the softmax row of the CLS query; O(N d), the (N, N) map is never made.

        Args:
            block: Index of the block.
            qkv: Output of the block's ``qkv`` layer, (B, N, 3 C), N tokens with the extra ones
                first.
            num_heads: Number of heads H.
            num_extra_tokens: Number of leading tokens that are no patches (1: CLS).
        """
        batch, tokens, width = qkv.shape
        qkv = qkv.detach().reshape(batch, tokens, 3, num_heads, width // (3 * num_heads))
        query, key = qkv[:, 0, 0].float(), qkv[:, :, 1].float()  # (B, H, d), (B, N, H, d)
        logits = torch.einsum('bhd,bnhd->bhn', query, key) * query.shape[-1] ** -0.5
        self._attention[block] = logits.softmax(dim=-1)[..., num_extra_tokens:]

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
        return attention if self.per_head else attention.mean(dim=1)


@MODELS.register_module()
class AttentionTap:
    """Reads the CLS token's attention of chosen blocks of a ViT.

    The tap listens to the output of each chosen block's ``qkv`` layer. The block itself is not
    touched: it keeps ``scaled_dot_product_attention``, and no second forward is needed.

    Args:
        blocks: Blocks to read, negative from the end; the scores are their sum. AttMask's default
            is the last block (Table 9a compares 6, 9, 11 and 12, counted from 1).
        per_head: Keep the heads apart, for plots and for choosing a head.

    Example:
        >>> tap = AttentionTap(blocks=(-1,))
        >>> with tap(backbone) as record:
        ...     backbone(images)
        >>> record.scores().shape  # (B, L)
    """

    def __init__(self, blocks: Sequence[int] = (-1,), per_head: bool = False) -> None:
        if not blocks:
            raise ValueError('AttentionTap needs at least one block to read.')
        self.blocks = tuple(blocks)
        self.per_head = per_head

    @contextmanager
    def __call__(self, backbone: nn.Module) -> Iterator[AttentionRecord]:
        """Listen while the context is open.

        Args:
            backbone: A ViT with ``layers[i].attn.qkv``, ``layers[i].attn.num_heads`` and
                ``num_extra_tokens``.

        Raises:
            ValueError: If a block doesn't exist or the backbone has no CLS token.
        """
        depth = len(backbone.layers)
        outside = [block for block in self.blocks if not -depth <= block < depth]
        if outside:
            raise ValueError(
                f'AttentionTap reads blocks {outside}, but the backbone has {depth} blocks.'
            )
        if backbone.cls_token is None:
            raise ValueError(
                'AttentionTap reads the attention of the CLS token, and the backbone has none.'
            )
        blocks = sorted({block % depth for block in self.blocks})
        record = AttentionRecord(blocks, self.per_head)
        handles = [self._listen(backbone, block, record) for block in blocks]
        try:
            yield record
        finally:
            for handle in handles:
                handle.remove()

    @staticmethod
    def _listen(backbone: nn.Module, block: int, record: AttentionRecord):
        attention = backbone.layers[block].attn

        def hook(_module: nn.Module, _inputs: tuple, qkv: Tensor) -> None:
            record.read(block, qkv, attention.num_heads, backbone.num_extra_tokens)

        return attention.qkv.register_forward_hook(hook)
