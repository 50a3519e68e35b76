"""Compute histograms of oriented gradients as targets, for patches of any size."""

import torch
from mmpretrain.models.selfsup import HOGGenerator
from mmpretrain.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class PatchHOGGenerator(HOGGenerator):
    """Compute MaskFeat's HOG targets for any grid of patches; mmpretrain's needs 14 x 14.

    Args:
        patch_size: Side of a patch in pixels.
        pool: Side of a cell in pixels.
        **kwargs: The parent's; the window of Gaussian weights must tile the image.

    Raises:
        ValueError: If a patch isn't made of whole cells.
    """

    def __init__(self, patch_size: int = 16, pool: int = 8, **kwargs) -> None:
        if patch_size % pool:
            raise ValueError(
                f'pool must divide patch_size: a patch of {patch_size} has no cells of {pool}.'
            )
        super().__init__(pool=pool, **kwargs)
        self.cells = patch_size // pool

    def forward(self, x: Tensor) -> Tensor:
        """Return targets (B, L, 3 bins n n), float32, of images (B, 3, H, W); n = cells a side."""
        with torch.autocast(x.device.type, enabled=False):  # near angles would swap bins
            return super().forward(x)

    def _reshape(self, hog_feat: Tensor) -> Tensor:
        """Turn histograms of cells (B, 3, bins, rows, columns) to patches (B, L, 3 bins n n)."""
        maps = hog_feat.flatten(1, 2).movedim(1, -1)  # (B, rows, columns, 3 bins)
        patches = maps.unfold(1, self.cells, self.cells).unfold(2, self.cells, self.cells)
        return patches.flatten(1, 2).flatten(2)
