"""Pool patch tokens by learned queries, for attentive probes."""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.utils.errors import UserError, check_choice


@MODELS.register_module()
class EfficientPooling(nn.Module):
    r"""Pool tokens by several queries without projections but the values' (efficient probing).

    Psomas et al., "Attention, Please! Revisiting Attentive Probing Through the Lens of Efficiency",
    ICLR 2026; read off their published ``poolings/ep.py``. Query :math:`q_j` of Q attends to tokens
    :math:`x_i` as they are: :math:`a_{ji} = \text{softmax}_i(q_j \cdot x_i / \sqrt{C})`. The values
    :math:`W x_i` have D channels; query j pools the j-th D/Q of them, and the Q results are
    concatenated: :math:`z_j = \sum_i a_{ji} W_j x_i`.

    Here tokens are pooled first and projected then, :math:`W_j \sum_i a_{ji} x_i`, which is the
    same for a tenth of the arithmetic and no (B, L, D) values. Q (C) + C D parameters; queries
    start at N(0, 0.02).

    Args:
        in_channels: C.
        num_queries: Q, 32 in the published tables.
        reduction: C / D, 1 in the published tables.

    Raises:
        UserError: If D isn't a multiple of Q.
    """

    def __init__(self, in_channels: int, num_queries: int = 32, reduction: int = 1) -> None:
        super().__init__()
        self.out_channels = in_channels // reduction
        if self.out_channels % num_queries:
            raise UserError(
                f'num_queries={num_queries} queries share {self.out_channels} channels evenly: '
                'set a number of queries that divides them'
            )
        self.queries = nn.Parameter(torch.randn(num_queries, in_channels) * 0.02)
        self.value = nn.Linear(in_channels, self.out_channels, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Pool tokens, (B, L, C) -> (B, D)."""
        queries, channels = self.queries.shape
        attention = (tokens @ self.queries.T * channels**-0.5).softmax(dim=1)  # (B, L, Q)
        pooled = attention.transpose(1, 2) @ tokens  # (B, Q, C)
        weights = self.value.weight.unflatten(0, (queries, -1))  # (Q, D / Q, C)
        return torch.einsum('bqc,qdc->bqd', pooled, weights).flatten(1)


@MODELS.register_module()
class CrossAttentionPooling(nn.Module):
    r"""Pool tokens by the multi-head cross-attention of one learned query.

    With ``projections='kv'`` it is AIM's (El-Nouby et al., ICML 2024) without the BatchNorm in
    front: keys and values are projected, the query is learned as it stands, and nothing follows.
    With ``'qkvo'`` the query and the output are projected too, as in CAE's and V-JEPA's probes,
    whose norms, residual and MLP are left out. No projection but the output's has a bias. Head h:
    :math:`\text{softmax}_i(q_h \cdot K_h x_i / \sqrt{C / H})` weighs :math:`V_h x_i`.

    Args:
        in_channels: C.
        num_heads: H; 12 in AIM and V-JEPA, for widths of 64 a head.
        projections: ``'kv'`` or ``'qkvo'``.

    Raises:
        UserError: If C isn't a multiple of H.
        ValueError: If the projections are others.
    """

    def __init__(self, in_channels: int, num_heads: int = 12, projections: str = 'kv') -> None:
        super().__init__()
        check_choice('projections', projections, ('kv', 'qkvo'))
        if in_channels % num_heads:
            raise UserError(
                f'num_heads={num_heads} heads share {in_channels} channels evenly: set a number of '
                'heads that divides them'
            )
        self.out_channels, self.num_heads = in_channels, num_heads
        self.query = nn.Parameter(torch.randn(1, in_channels) * 0.02)
        self.key = nn.Linear(in_channels, in_channels, bias=False)
        self.value = nn.Linear(in_channels, in_channels, bias=False)
        full = projections == 'qkvo'
        self.project = nn.Linear(in_channels, in_channels, bias=False) if full else nn.Identity()
        self.output = nn.Linear(in_channels, in_channels) if full else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        """Pool tokens, (B, L, C) -> (B, C)."""
        heads = (self.num_heads, -1)
        query = self.project(self.query).unflatten(-1, heads)  # (1, H, C / H)
        key, value = (layer(tokens).unflatten(-1, heads) for layer in (self.key, self.value))
        scores = (query * key).sum(dim=-1) * key.shape[-1] ** -0.5  # (B, L, H)
        pooled = (scores.softmax(dim=1).unsqueeze(-1) * value).sum(dim=1)  # (B, H, C / H)
        return self.output(pooled.flatten(1))
