"""Find the grid in which patch tokens lie."""

from __future__ import annotations

import math

from mmmask.utils.errors import UserError


def patch_grid(length: int, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of L square patches that fill an image of (height, width) pixels.

    Raises:
        UserError: If no number of square patches fills the image.
    """
    side = math.isqrt(height * width // length)
    if side == 0 or height % side or width % side or (height // side) * (width // side) != length:
        raise UserError(
            f'{length} patches do not fill an image of {height} x {width} pixels: set sizes that '
            "are multiples of the network's patches"
        )
    return height // side, width // side
