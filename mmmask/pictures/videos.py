"""Draw numbered objects over the frames of videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmmask.utils.errors import UserError, explained
from mmmask.utils.picks import pick_evenly

from .draw import draw_segmentation
from .figure import Sheet, sheets
from .files import read_image
from .overlay import enlarge
from .sheet import Cell, SheetRow

SHOWN = 200
"""Pixels of a frame's longer side."""


def overlay_objects(frame: np.ndarray, path: str | Path) -> np.ndarray:
    """Lay the objects of a palette image over a frame, in the palette's colours.

    Args:
        frame: (H, W, 3) uint8.
        path: PNG with a number at each pixel; 0 and 255 are no object.

    Returns:
        (H, W, 3) uint8.

    Raises:
        UserError: If it can't be read, has no palette or another size.
    """
    with explained(f"'{path}' cannot be read"), Image.open(path) as image:
        palette, numbers = image.getpalette(), np.array(image)
    if palette is None or numbers.shape != frame.shape[:2]:
        raise UserError(f"'{path}' is no palette image of {frame.shape[:2]} pixels")
    colours = np.array(palette, np.uint8).reshape(-1, 3)
    return draw_segmentation(frame, np.where(numbers == 0, 255, numbers), colours)


def video_sheets(
    videos: Mapping[str, Sequence[Path]], maps: Mapping[str, Path], count: int = 6
) -> list[Sheet]:
    """Draw frames of videos, evenly spread, with the objects of one or several folders.

    Args:
        videos: A video's name -> its frames in order.
        maps: Label -> folder with ``VIDEO/FRAME.png``.
        count: Frames of each.

    Raises:
        UserError: If a map is missing, or can't be read.
    """
    rows = []
    for video, frames in videos.items():
        chosen = pick_evenly(frames, count)
        images = [read_image(path) for path in chosen]
        for label, folder in maps.items():
            cells = []
            for image, path in zip(images, chosen):
                drawn = overlay_objects(image, folder / video / f'{path.stem}.png')
                cells.append(Cell(enlarge(drawn, SHOWN), path.stem))
            rows.append(SheetRow(video if len(maps) == 1 else f'{video}: {label}', cells))
    most = max(len(row.cells) for row in rows)
    caption = 'Frames, evenly spread, and the objects in them: one colour for each.'
    columns = [''] * most
    return sheets('videos', 'Objects in videos', caption, columns, rows, len(maps), coloured=False)
