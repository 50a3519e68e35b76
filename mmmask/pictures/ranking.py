"""Draw what features find: a query and the images that come next to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .overlay import magnify
from .sheet import Cell, SheetRow

RIGHT, WRONG, JUNK = (40, 150, 80), (205, 60, 50), (160, 160, 168)
"""Colours of frames: the same class or object, another one, and what doesn't count."""
SHOWN = 96
"""Pixels of a small image's side, about."""
FRAME = 5


@dataclass(frozen=True)
class Ranked:
    """An image (H, W, 3) uint8 of a ranking, and a few words below it.

    Attributes:
        right: Whether it is right; None: it doesn't count (junk).
    """

    image: np.ndarray
    caption: str
    right: bool | None


def framed(image: np.ndarray, color: tuple[int, int, int], width: int = FRAME) -> np.ndarray:
    """Put a frame of a colour around an image (H, W, 3) uint8."""
    height, wide = image.shape[:2]
    result = np.empty((height + 2 * width, wide + 2 * width, 3), np.uint8)
    result[:] = color
    result[width:-width, width:-width] = image
    return result


def ranking_row(query: np.ndarray, label: str, caption: str, found: Sequence[Ranked]) -> SheetRow:
    """Return a row: the query, then the images found, each framed by whether it is right.

    Args:
        query: (H, W, 3) uint8.
        label: Left of the row.
        caption: Below the query.
        found: The best first.
    """
    colours = {True: RIGHT, False: WRONG, None: JUNK}
    cells = [Cell(framed(magnify(query, SHOWN), (255, 255, 255)), caption)]
    for one in found:
        cells.append(Cell(framed(magnify(one.image, SHOWN), colours[one.right]), one.caption))
    return SheetRow(label, cells)
