"""Read the attention that each patch receives from all others (GPA)."""

from mmpretrain.registry import MODELS
from torch import Tensor

from mmmask.utils.errors import check_choice

from .vit_tap import ViTTap


def received_attention(query: Tensor, key: Tensor) -> Tensor:
    r"""Return the attention that each patch receives from the others (GPA, Eq. 4-5).

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
    r"""Read GPA's scores: the attention that each patch receives from the others.

    CLS is no query and has no score. Eq. 4-5 as printed make the scored patch m the *query*,
    :math:`\sum_i q_m k_i`. The text calls the score "the importance of attending to" m. Then m is
    the *key*, :math:`\sum_i q_i k_m`, which is the default.

    Args:
        block: Block to read, negative from the end, or ``'all'``: their sum, or each of them by
            ``record.scores_by_block()``. The paper counts from 0 (Table 5, Fig. 4).
        head: Head to read, negative from the end, or ``'sum'`` over heads. In Table 5, the
            last head of the last block, which needs no choice, has 82.70 %. Block 9, head 11 of
            ViT-B, chosen by 10 shots, has 82.73 %. The sum over the last block's heads has 82.34 %.
        per_head: Keep the heads apart; all of them are given, whatever ``head`` is.
        role: What the scored patch is in the product, ``'key'`` or, as printed, ``'query'``.

    Raises:
        ValueError: If an option is none of these.
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
        check_choice('ReceivedAttentionTap.role', role, ('key', 'query'))
        super().__init__('all' if block == 'all' else (block,), head, per_head)
        self.role = role

    def measure(self, query: Tensor, key: Tensor, num_extra_tokens: int) -> Tensor:
        """Return (B, H, L) of queries and keys (B, N, H, d)."""
        query, key = query[:, num_extra_tokens:], key[:, num_extra_tokens:]
        if self.role == 'query':
            query, key = key, query
        return received_attention(query, key)

    def together(self, measured: Tensor) -> Tensor:
        """Return the sum over heads."""
        return measured.sum(dim=1)
