"""Drop residuals by not computing them, as DINOv2 does."""

from collections.abc import Callable

import torch
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import Tensor, nn


def add_for_subset(x: Tensor, residual: Callable[[Tensor], Tensor], rate: float) -> Tensor:
    """Add a residual to a drawn share of a batch, and compute it for that share only.

    Of B items, B rate are left out, rounded. The residuals of the n that are drawn, at least one,
    are multiplied by B / n. So the expectation is ``x + residual(x)``, as where each item is drawn
    by itself.

    Args:
        x: (B, ...).
        residual: Takes (n, ...) and returns the same shape.
        rate: Share that is left out.

    Returns:
        (B, ...).
    """
    batch = len(x)
    count = max(batch - int(batch * rate + 0.5), 1)
    if count == batch:
        return x + residual(x)
    drawn = torch.randperm(batch, device=x.device)[:count]
    added = residual(x[drawn])
    return x.index_add(0, drawn, added.to(x.dtype), alpha=batch / count)


class SubsetBlock(TransformerEncoderLayer):
    """mmpretrain's block, whose stochastic depth computes no residual that it drops.

    Attributes:
        drop_rates: Rates of the attention and of the MLP.
    """

    drop_rates: tuple[float, float]

    @classmethod
    def take_over(cls, block: TransformerEncoderLayer) -> None:
        """Make a block one of this class; its parameters and their names stay."""
        drops = block.attn.out_drop, block.ffn.dropout_layer
        block.drop_rates = tuple(getattr(drop, 'drop_prob', 0.0) for drop in drops)
        block.attn.out_drop, block.ffn.dropout_layer = nn.Identity(), nn.Identity()
        block.__class__ = cls  # mmpretrain's ViT can't be told the class of its blocks

    def forward(self, x: Tensor) -> Tensor:
        """Run the block, (B, N, C) -> (B, N, C)."""
        rates = self.drop_rates if self.training else (0.0, 0.0)
        x = add_for_subset(x, lambda part: self.attn(self.ln1(part)), rates[0])
        return add_for_subset(x, lambda part: self.ffn(self.ln2(part), identity=0), rates[1])
