"""Read the attention of the CLS token off a forward pass that happens anyway."""

from collections.abc import Sequence

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.utils.errors import check_choice

from .vit_tap import ViTTap


@MODELS.register_module()
class AttentionTap(ViTTap):
    r"""Read the CLS token's attention of chosen blocks of a ViT; O(L d) but for ``to_cls``.

    Args:
        blocks: Blocks to read, negative from the end, or ``'all'``; the scores are their sum.
            AttMask's default is the last block (Table 9a compares 6, 9, 11 and 12, counted from 1);
            ccMIM's published code sums over all.
        per_head: Keep the heads apart, for plots and for choosing a head.
        reduction: ``'mean_of_softmax'``: each head's softmax over all tokens, CLS among them, then
            the mean over heads (MST, Eq. 4; AttMask, Eq. 5-7). The logits are the block's own,
            :math:`q_0 k_i / \sqrt{d}` with d the width of one head. A row of one block sums to 1
            minus the attention that CLS pays to itself.
            ``'softmax_of_mean'``: the mean over heads of :math:`q_0 k_i / \sqrt{D}`, with D the
            width of all heads together as printed, then one softmax over the patches alone (ccMIM,
            Eq. 4). A row of one block sums to 1. A head kept apart is a mean over one head.
        to_cls: Read the other direction: what each patch, as a query, pays to CLS. The papers have
            the CLS query. The first upload of ccMIM's code took the CLS *column*, which its authors
            mended as a bug on 14 March 2023. It costs the (L, N) map, one head at a time.

    Raises:
        ValueError: If there is no block to read, the reduction is unknown, or options exclude each
            other.

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
        reduction: str = 'mean_of_softmax',
        to_cls: bool = False,
    ) -> None:
        super().__init__(blocks, None, per_head)
        check_choice('AttentionTap.reduction', reduction, ('mean_of_softmax', 'softmax_of_mean'))
        if to_cls and reduction == 'softmax_of_mean':
            raise ValueError("AttentionTap.to_cls needs reduction='mean_of_softmax'.")
        self.reduction = reduction
        self.to_cls = to_cls

    def indices(self, backbone: nn.Module) -> list[int]:
        """Return the blocks that are read, in order.

        Raises:
            ValueError: If it isn't a ViT with a CLS token, or a block or the head doesn't exist.
        """
        blocks = super().indices(backbone)
        if backbone.cls_token is None:
            raise ValueError(
                'AttentionTap reads the attention of the CLS token, and the backbone has none.'
            )
        return blocks

    def measure(self, query: Tensor, key: Tensor, num_extra_tokens: int) -> Tensor:
        """Return attention, or logits that wait for their mean, (B, H, L) of (B, N, H, d)."""
        head_width = query.shape[-1]
        if self.to_cls:
            return _paid_to_cls(query[:, num_extra_tokens:] * head_width**-0.5, key)
        logits = torch.einsum('bhd,bnhd->bhn', query[:, 0], key)
        if self.reduction == 'softmax_of_mean':
            width = query.shape[2] * head_width
            return logits[..., num_extra_tokens:] * width**-0.5
        return (logits * head_width**-0.5).softmax(dim=-1)[..., num_extra_tokens:]

    def together(self, measured: Tensor) -> Tensor:
        """Return the mean over heads."""
        return measured.mean(dim=1)

    def finish(self, chosen: Tensor) -> Tensor:
        """Take the softmax over patches, if it comes last."""
        return chosen.softmax(dim=-1) if self.reduction == 'softmax_of_mean' else chosen


def _paid_to_cls(query: Tensor, key: Tensor) -> Tensor:
    """(B, H, L) softmax at CLS of the scaled queries (B, L, H, d) over all keys (B, N, H, d)."""
    of_heads = [
        torch.einsum('bid,bnd->bin', query[:, :, head], key[:, :, head]).softmax(dim=-1)[..., 0]
        for head in range(query.shape[2])
    ]
    return torch.stack(of_heads, dim=1)
