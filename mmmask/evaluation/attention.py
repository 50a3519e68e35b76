"""Read a frozen network's attention over patches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmmask.models.attention import AttentionTap, SwinAttentionTap, ViTTap
from mmmask.utils.errors import explained

from .features import FeatureEncoder


class _PatchesTap(ViTTap):
    """Read the mean attention that patches pay to each patch; the (L, L) map of a head is made."""

    def measure(self, query: Tensor, key: Tensor, num_extra_tokens: int) -> Tensor:
        """Return (B, H, L) of a block's queries and keys (B, N, H, d)."""
        query = query[:, num_extra_tokens:] * query.shape[-1] ** -0.5
        heads = [
            torch.einsum('bid,bnd->bin', query[:, :, head], key[:, :, head]).softmax(dim=-1)
            for head in range(query.shape[2])
        ]
        return torch.stack([rows.mean(dim=1)[:, num_extra_tokens:] for rows in heads], dim=1)

    def together(self, measured: Tensor) -> Tensor:
        """Return the mean over heads."""
        return measured.mean(dim=1)


class AttentionEncoder:
    """Read the attention of every head over the patches of a batch, without gradients.

    - A ViT with a CLS token: what CLS pays to each patch, of a softmax over all tokens.
    - A ViT without: what each patch receives, the mean of the softmax rows of all patches.
    - A Swin: what each patch receives within its window of the last stage.

    Args:
        backbone: One of these.
        preprocess: The model's data preprocessor.
        block: Block of a ViT, negative from the end.

    Attributes:
        name: What is read, in words.

    Raises:
        UserError: If the backbone has no attention to read, or no such block.
    """

    def __init__(
        self, backbone: nn.Module, preprocess: Callable[[dict], dict], block: int = -1
    ) -> None:
        self._encode = FeatureEncoder(backbone, preprocess, 'gap_normed')
        self._backbone = backbone
        if hasattr(backbone, 'stages'):
            self._tap, self.name = SwinAttentionTap(per_head=True), 'received in windows'
        elif getattr(backbone, 'with_cls_token', True):
            self._tap, self.name = AttentionTap((block,), per_head=True), 'paid by CLS'
        else:
            self._tap, self.name = _PatchesTap((block,), None, per_head=True), 'received'
        with explained('attention cannot be read'), self._tap(backbone):
            pass

    def __call__(self, batch: dict) -> Tensor:
        """Return attention (B, H, L), float32 on the CPU, of H heads over L patches in rows."""
        with self._tap(self._backbone) as record, torch.no_grad():
            self._encode(batch)
        registers = getattr(self._backbone, 'register_tokens', torch.empty(1, 0))
        return record.scores()[..., registers.shape[1] :].cpu()
