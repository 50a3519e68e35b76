"""Restore images from patch tokens, MST's second task."""

import torch
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor

from mmmask.utils.errors import check_choice

from ..backbones.masked_tokens import enlarge
from ..losses import restoration_loss


@MODELS.register_module()
class RestorationHead(BaseModule):
    r"""Restore the student's global views from its patch tokens (MST, Section 3.3).

    The target is the view as the network sees it, augmented and normalised. All tokens are decoded,
    masked or not: the task is to keep the spatial information of the whole image.

    Args:
        decoder: Config of a decoder: tokens (B, L', C) and their grid -> images (B, 3, H, W), e.g.
            ``RestorationDecoder``.
        weight: :math:`\lambda_2` of Eq. 11; 0.6 is the paper's (0.2 to 0.8 in Appendix 10).
        target: ``'image'``: the loss is taken over all pixels (the paper's method); ``'masked'``:
            over those of masked tokens only, as in BERT (Appendix, Table 4).
        init_cfg: As every mm module's.

    Raises:
        ValueError: If the target is unknown or the weight isn't positive.
    """

    def __init__(
        self,
        decoder: dict,
        weight: float = 0.6,
        target: str = 'image',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('target', target, ('image', 'masked'))
        if weight <= 0:
            raise ValueError(
                f'weight must be positive, got {weight}: leave out `restoration` instead, and '
                'nothing is computed for it.'
            )
        self.decoder = MODELS.build(decoder)
        self.weight = weight
        self.target = target

    def loss(
        self,
        tokens: Tensor,
        grid: tuple[int, int],
        images: Tensor,
        mask: Tensor | None = None,
        mask_grid: tuple[int, int] | None = None,
    ) -> Tensor:
        """Return the weighted loss of a batch of views.

        Args:
            tokens: (B, L', C) patch tokens of the student, without the global token.
            grid: Rows and columns of the tokens.
            images: (B, 3, H, W) views, augmented and normalised.
            mask: (B, L) bool, True = masked; for the target ``'masked'``.
            mask_grid: Rows and columns of the mask, which may be another grid.

        Returns:
            Scalar.

        Raises:
            ValueError: If the decoder's images are smaller than the views. For the target
                ``'masked'``, if there is no mask, or a view isn't made of whole cells.
        """
        restored = self.decoder(tokens, grid)
        size = images.shape[-2:]
        if restored.shape[-2] < size[0] or restored.shape[-1] < size[1]:
            raise ValueError(
                f'The decoder restores {tuple(restored.shape[-2:])} pixels, but the views have '
                f"{tuple(size)}: set the decoder's stride to the pixels between two tokens."
            )
        restored = restored[..., : size[0], : size[1]]  # without the padding of partial patches
        pixels = masked_pixels(mask, mask_grid, size) if self.target == 'masked' else None
        return self.weight * restoration_loss(restored, images, pixels)


def masked_pixels(
    mask: Tensor | None, grid: tuple[int, int] | None, size: tuple[int, int] | torch.Size
) -> Tensor:
    """Return the pixels (B, H, W), bool, of the masked cells (B, L) of a grid.

    Raises:
        ValueError: If there is no mask or an image isn't a whole number of cells.
    """
    if mask is None:
        raise ValueError("target='masked' restores masked pixels: give a masker.")
    if size[0] % grid[0] or size[1] % grid[1]:
        raise ValueError(
            f"target='masked' needs views of whole patches, got {tuple(size)} pixels for "
            f'{grid[0]} x {grid[1]} of them.'
        )
    return enlarge(mask.unflatten(1, grid), size[0] // grid[0], size[1] // grid[1])
