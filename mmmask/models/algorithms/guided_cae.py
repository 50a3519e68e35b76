"""Train CAE with masks from a masker instead of the data."""

from mmpretrain.registry import MODELS
from torch import Tensor

from mmmask.utils.errors import UserError

from ..attention import check_scorer
from ..backbones.protocol import check_global_token, check_masked_encoder
from .wide_cae import WideCAE


@MODELS.register_module()
class GuidedCAE(WideCAE):
    """CAE (arXiv 2202.03026) with masks that may look at the image (GPA, Table 10).

    Only where masks come from differs from the parent, which takes them from the data samples. Both
    pictures of an image, the encoder's and the tokenizer's, are of one crop, so one mask serves
    both.

    Args:
        masker: Config of a masker that masks equally many patches of every image;
            ``neck.mask_tokens_num`` is int(r L).
        scorer: Config of an ``OnlineScorer`` or a ``FrozenScorer``, for maskers that need scores.
        **kwargs: The parent's. ``backbone`` is a ``MaskedCAEViT``. ``target_generator`` is
            mmpretrain's ``DALL-E``, or a ``RandomProjectionTokenizer``, which needs no download.

    Raises:
        UserError: If parts don't fit each other.
    """

    def __init__(self, masker: dict, scorer: dict | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.masker = MODELS.build(masker)
        self.scorer = MODELS.build(scorer) if scorer else None
        check_masked_encoder(self, self.backbone, 'drop')
        check_global_token(self, self.backbone)
        check_scorer(self.scorer, self.masker.needs_scores)

    def loss(self, inputs: list[Tensor], data_samples: list, **kwargs) -> dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            inputs: The images of the encoder, (B, 3, H, W), and those of the tokenizer.
            data_samples: B samples; their masks are set here, (rows, columns) bool.

        Returns:
            The parent's ``loss``, ``main`` and ``align``, and ``mask_ratio``.

        Raises:
            UserError: If the images haven't ``neck.mask_tokens_num`` masked patches each.
        """
        grid, mask = self._mask(inputs[0])
        for sample, of_image in zip(data_samples, mask, strict=True):
            sample.set_field(of_image.view(grid), 'mask')
        losses = super().loss(inputs, data_samples, **kwargs)
        return dict(losses, mask_ratio=mask.float().mean())

    def _mask(self, images: Tensor) -> tuple[tuple[int, int], Tensor]:
        """Return the grid and the mask (B, L) bool."""
        grid = self.backbone.grid(*images.shape[-2:])
        scores = None if self.scorer is None else self.scorer(images, self.backbone)
        mask = self.masker(grid, len(images), scores, images.device)
        least, most = mask.sum(dim=1).aminmax()
        if not least == most == self.neck.mask_token_num:
            raise UserError(
                f'Images have {least} to {most} masked patches, but neck.mask_tokens_num is '
                f'{self.neck.mask_token_num}: set it to int(ratio x {grid[0] * grid[1]}), and the '
                "masker's prob=1"
            )
        return grid, mask
