"""Histograms of oriented gradients as targets, for patches of any size."""

from mmpretrain.models.selfsup import HOGGenerator
from mmpretrain.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class PatchHOGGenerator(HOGGenerator):
    """MaskFeat's HOG targets for any grid of patches; mmpretrain's takes 14 x 14 for granted.

    Args:
        patch_size: Side of a patch in pixels.
        nbins: Orientations of a histogram.
        pool: Side of a cell in pixels.
        gaussian_window: Side of the window of Gaussian weights in pixels; it tiles the image.

    Raises:
        ValueError: If a patch isn't made of whole cells.
    """

    def __init__(
        self, patch_size: int = 16, nbins: int = 9, pool: int = 8, gaussian_window: int = 16
    ) -> None:
        if patch_size % pool:
            raise ValueError(
                f'pool must divide patch_size: a patch of {patch_size} has no cells of {pool}.'
            )
        super().__init__(nbins=nbins, pool=pool, gaussian_window=gaussian_window)
        self.cells = patch_size // pool

    def _reshape(self, hog_feat: Tensor) -> Tensor:
        """Histograms of cells (B, 3, bins, rows, columns) to patches (B, L, 3 bins n n)."""
        maps = hog_feat.flatten(1, 2).movedim(1, -1)  # (B, rows, columns, 3 bins)
        patches = maps.unfold(1, self.cells, self.cells).unfold(2, self.cells, self.cells)
        return patches.flatten(1, 2).flatten(2)
