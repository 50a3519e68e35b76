"""Many pictures on one white sheet, with headings, labels and captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .overlay import font_of

GAP = 8
"""White pixels between pictures."""
FONT = 14
"""Size of headings and labels; captions are a little smaller."""

_TEXT, _CAPTION = (20, 20, 24), (110, 110, 118)


@dataclass(frozen=True)
class Cell:
    """A picture, (H, W, 3) uint8, and a few words below it."""

    image: np.ndarray
    caption: str = ''


@dataclass(frozen=True)
class SheetRow:
    """A row's label and its pictures; None leaves a place free."""

    label: str
    cells: Sequence[Cell | None]


def contact_sheet(
    columns: Sequence[str], rows: Sequence[SheetRow], footer: np.ndarray | None = None
) -> np.ndarray:
    """Arrange pictures in a table; no picture is resized.

    Args:
        columns: A heading for each column, wrapped to its width.
        rows: At least one, of at most as many pictures.
        footer: A picture below the table, e.g. a colour bar.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: If there is no picture, or a row has more than there are columns.
    """
    if any(len(row.cells) > len(columns) for row in rows):
        raise ValueError(f'a row has more than {len(columns)} pictures, one for each column')
    pictures = [cell.image for row in rows for cell in row.cells if cell]
    if not pictures:
        raise ValueError('there is no picture to arrange')
    high, wide = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    font, small = font_of(FONT), font_of(FONT - 2)
    line, small_line = FONT + 4, FONT + 2

    headings = [_wrap(text, font, wide) for text in columns]
    labels = [_wrap(row.label, font, 12 * FONT) for row in rows]
    widths = [font.getlength(text) for label in labels for text in label]
    left = GAP + (round(max(widths)) + GAP if any(widths) else 0)
    top = GAP + line * max(len(heading) for heading in headings)
    captioned = [any(cell and cell.caption for cell in row.cells) for row in rows]
    heights = [high + small_line * caption + GAP for caption in captioned]
    below = footer.shape[0] + GAP if footer is not None else 0
    right = left + len(columns) * (wide + GAP)
    if footer is not None:
        right = max(right, left + footer.shape[1] + GAP)
    canvas = Image.new('RGB', (right, top + sum(heights) + below), 'white')
    draw = ImageDraw.Draw(canvas)

    for index, heading in enumerate(headings):
        x = left + index * (wide + GAP) + wide // 2
        for number, text in enumerate(reversed(heading)):
            draw.text((x, top - 4 - number * line), text, _TEXT, font, anchor='ms')
    y = top
    for row, label, height in zip(rows, labels, heights):
        for number, text in enumerate(label):
            middle = y + high // 2 + round((number - (len(label) - 1) / 2) * line)
            draw.text((left - GAP, middle), text, _TEXT, font, anchor='rm')
        for index, cell in enumerate(row.cells):
            if cell is None:
                continue
            x = left + index * (wide + GAP)
            canvas.paste(Image.fromarray(np.ascontiguousarray(cell.image)), (x, y))
            if cell.caption:
                place = (x + wide // 2, y + high + small_line - 3)
                draw.text(place, cell.caption, _CAPTION, small, anchor='ms')
        y += height
    if footer is not None:
        canvas.paste(Image.fromarray(footer), (left, y))
    return np.asarray(canvas)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines that fit into a width, as far as single words do."""
    lines = ['']
    for word in text.split():
        longer = f'{lines[-1]} {word}'.strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
