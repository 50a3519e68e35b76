"""Let CAE's encoder take masks from maskers and scorers."""

from mmpretrain.models.selfsup import CAEPretrainViT
from mmpretrain.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class MaskedCAEViT(CAEPretrainViT):
    """mmpretrain's ``CAEPretrainViT`` for masks that depend on scores (GPA, Table 10).

    Parameters, their names and the computation are the parent's; ``mmpretrain.BEiTViT`` loads them
    downstream.
    """

    mask_mode = 'drop'
    with_mask_token = False  # it is the neck's
    first_is_mean = False

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of patches.

        Raises:
            ValueError: If the image isn't of the size that the encoder was built for: CAE's
                position embeddings aren't resized.
        """
        if (height, width) != tuple(self.img_size):
            raise ValueError(
                f'CAE was built for images of {tuple(self.img_size)}, got {(height, width)}: set '
                'backbone.img_size.'
            )
        return tuple(self.patch_resolution)

    token_grid = grid

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        """Encode as the parent does; a scorer passes no mask. With one, the tensor comes bare."""
        return super().forward(x, mask)
