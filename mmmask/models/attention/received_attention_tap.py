"""GPA: how much each patch is attended to by all others."""

from mmpretrain.registry import MODELS
from torch import Tensor

from .vit_tap import ViTTap


def received_attention(query: Tensor, key: Tensor) -> Tensor:
    r"""Attention that each patch receives from the others (GPA, Eq. 4-5).

    :math:`\sum_{i \ne m} q_i k_m / \sqrt{d} = (\sum_i q_i - q_m) k_m / \sqrt{d}`: linear in the
    number of patches, the (L, L) map is never made.

    Args:
        query: (B, L, H, d).
        key: (B, L, H, d).

    Returns:
        (B, H, L).
    """
    query = query * query.shape[-1] ** -0.5
    others = query.sum(dim=1, keepdim=True) - query
    return (others * key).sum(dim=-1).transpose(1, 2)


@MODELS.register_module()
class ReceivedAttentionTap(ViTTap):
    r"""Reads GPA's scores: the attention that each patch receives from the others.

    CLS neither asks nor is scored. Eq. 4-5 as printed make the scored patch m the *query*,
    :math:`\sum_i q_m k_i`; the text calls the score the attention that m receives, "the importance
    of attending to" it, and then m is the *key*, :math:`\sum_i q_i k_m`. The latter is the default.

    Args:
        block: Block to read, negative from the end, or ``'all'``: their sum, or each of them by
            ``record.scores_by_block()``. The paper counts from 0 (Table 5, Fig. 4).
        head: Head to read, negative from the end, or ``'sum'`` over heads. The last head of the
            last block needs no choice (82.70 %); block 9, head 11 of ViT-B is what 10 shots choose
            (82.73 %); the sum over the last block's heads gives 82.34 % (Table 5).
        per_head: Keep the heads apart; all of them are given, whatever ``head`` is.
        role: What the scored patch is in the product, ``'key'`` or, as printed, ``'query'``.

    Raises:
        ValueError: If an option is none of these.

    Example:
        >>> tap = ReceivedAttentionTap(block='all')
        >>> with tap(backbone) as record:
        ...     backbone(images)
        >>> record.scores_by_block().shape  # (blocks, B, H, L), to choose a block and a head
    """

    def __init__(
        self,
        block: int | str = -1,
        head: int | str = -1,
        per_head: bool = False,
        role: str = 'key',
    ) -> None:
        if not isinstance(block, int) and block != 'all':
            raise ValueError(
                f"ReceivedAttentionTap.block must be a number or 'all', got {block!r}."
            )
        if not isinstance(head, int) and head != 'sum':
            raise ValueError(f"ReceivedAttentionTap.head must be a number or 'sum', got {head!r}.")
        if role not in ('key', 'query'):
            raise ValueError(f"ReceivedAttentionTap.role must be 'key' or 'query', got {role!r}.")
        super().__init__('all' if block == 'all' else (block,), head, per_head)
        self.role = role

    def measure(self, query: Tensor, key: Tensor, num_extra_tokens: int) -> Tensor:
        """(B, H, L) of queries and keys (B, N, H, d)."""
        query, key = query[:, num_extra_tokens:], key[:, num_extra_tokens:]
        if self.role == 'query':
            query, key = key, query
        return received_attention(query, key)

    def together(self, measured: Tensor) -> Tensor:
        """The sum over heads."""
        return measured.sum(dim=1)
