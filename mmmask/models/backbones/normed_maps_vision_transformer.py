"""Normalise all maps of a ViT, as for iBOT's segmenters."""

from __future__ import annotations

from mmpretrain.registry import MODELS
from torch import Tensor

from .plain_vision_transformer import PlainVisionTransformer


@MODELS.register_module()
class NormedMapsVisionTransformer(PlainVisionTransformer):
    """mmpretrain's ViT with the final norm on every map, as iBOT's ``out_with_norm=true``.

    mmpretrain's has it on the last block's only. Parameters and their names are the parent's.

    Args:
        *args: The parent's.
        out_type: ``'featmap'``, (B, C, h, w); there is no other.
        final_norm: True; it can't be left out.
        **kwargs: The parent's.

    Raises:
        ValueError: If ``out_type`` or ``final_norm`` is another.
    """

    def __init__(self, *args, out_type: str = 'featmap', final_norm: bool = True, **kwargs) -> None:
        if out_type != 'featmap' or not final_norm:
            raise ValueError(
                "NormedMapsVisionTransformer makes maps and norms them: out_type='featmap' and "
                f'final_norm=True, not {out_type!r} and {final_norm}.'
            )
        super().__init__(*args, out_type=out_type, final_norm=final_norm, **kwargs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return a map (B, C, h, w) of each block of ``out_indices`` for images (B, 3, H, W)."""
        last = self.num_layers - 1  # which the parent has normalised
        return tuple(
            features if index == last else self.ln1(features.movedim(1, -1)).movedim(-1, 1)
            for index, features in zip(sorted(self.out_indices), super().forward(x), strict=True)
        )
