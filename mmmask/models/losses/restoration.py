"""Compute the loss of restoring images."""

from torch import Tensor

from ..precision import at_least_float32


def restoration_loss(restored: Tensor, images: Tensor, pixels: Tensor | None = None) -> Tensor:
    r"""Compute the mean absolute error of restored images (MST, Eq. 9-10).

    :math:`E_x E_{H \times W} |x - g(f_s(x, m))|`: of each image the mean over its pixels and their
    channels, then the mean over the images. The appendix's listing has the sum over everything. The
    mean, not the sum, makes a weight of 0.6 "roughly equally weighted" (docs/methods.md).

    Args:
        restored: (B, C, H, W).
        images: (B, C, H, W).
        pixels: (B, H, W) bool: only these pixels count, and an image without one counts 0; None:
            all of them.

    Returns:
        Scalar.
    """
    errors = (at_least_float32(restored) - at_least_float32(images)).abs().mean(dim=1)  # (B, H, W)
    if pixels is None:
        return errors.mean()
    counts = pixels.sum(dim=(1, 2)).clamp(min=1)
    return ((errors * pixels).sum(dim=(1, 2)) / counts).mean()
