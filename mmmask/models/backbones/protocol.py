"""State what algorithms need of a backbone whose patches can be masked."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from mmmask.utils.errors import UserError


@runtime_checkable
class MaskedEncoder(Protocol):
    """Encode images of which some cells are masked.

    B images, L cells of :meth:`grid`, T tokens of :meth:`token_grid`, V visible cells, width C.

    Attributes:
        mask_mode: ``'replace'``: a learned token stands in the place of masked patches, so all T
            tokens come out. ``'drop'``: masked patches don't enter, and V tokens come out.
        with_mask_token: Whether there is a learned mask token; always False for ``'drop'``.
        with_cls_token: Whether the first token is a CLS token.
        first_is_mean: Whether the first token is the mean of the others, for want of a CLS token.
        num_extra_tokens: Leading tokens of the blocks' inputs that are no patches.
        img_size: Height and width of the images that the network was built for.
        embed_dims: Width of the first blocks; C unless stages widen it.
    """

    mask_mode: str
    with_mask_token: bool
    with_cls_token: bool
    first_is_mean: bool
    num_extra_tokens: int
    img_size: tuple[int, int]
    embed_dims: int

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of what can be masked in an image; L is their product."""

    def token_grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of the tokens of an unmasked image; T is their product."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            x: Images, (B, 3, H, W).
            mask: (B, L) bool, True = masked, in row-major order; None: nothing is masked. For
                ``'drop'``, equally many of every image.

        Returns:
            Outputs of which the last is (B, 1 + T, C), or (B, 1 + V, C) with a mask that drops. The
            first token is global, the others come in row-major order.
        """


def check_global_token(user: nn.Module, backbone: nn.Module) -> None:
    """Check that the first token is a global one, which losses and decoders take for it.

    Raises:
        UserError: If it is a patch.
    """
    patch_first = getattr(backbone, 'num_extra_tokens', 1) == 0
    if patch_first and not getattr(backbone, 'first_is_mean', False):
        raise UserError(
            f'{type(user).__name__} takes the first token for the CLS token, and the backbone has '
            'none: set backbone.with_cls_token=True'
        )


def check_masked_encoder(user: nn.Module, backbone: nn.Module, mask_mode: str) -> None:
    """Check that an algorithm's backbone can mask patches, in the way that the algorithm needs.

    Raises:
        UserError: If the backbone is no masked encoder, or masks in another way.
    """
    name, kind = type(user).__name__, type(backbone).__name__
    if not isinstance(backbone, MaskedEncoder):
        raise UserError(
            f'{name} needs a backbone that masks patches, not {kind}: set backbone.type to '
            'MaskedVisionTransformer, MaskedSwinTransformer, MaskedConvMAE or MaskedCAEViT'
        )
    if backbone.mask_mode != mask_mode:
        verb = 'drops' if mask_mode == 'drop' else 'replaces'
        raise UserError(
            f'{name} needs an encoder that {verb} masked patches: set backbone.mask_mode='
            f"'{mask_mode}', or another backbone.type"
        )
    if mask_mode == 'replace' and not backbone.with_mask_token:
        raise UserError(f'{name} has a masker: set backbone.with_mask_token=True')
