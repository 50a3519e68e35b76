"""Objects and labels over an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .overlay import blend, font_of

Color = tuple[int, int, int]


def draw_instances(
    image: np.ndarray,
    boxes: np.ndarray,
    colors: Sequence[Color],
    masks: np.ndarray | None = None,
    labels: Sequence[str] = (),
    width: int = 1,
    alpha: float = 0.45,
) -> np.ndarray:
    """Draw boxes, masks and labels; the first object comes to lie on top.

    Args:
        image: (H, W, 3) uint8.
        boxes: (N, 4) as x1, y1, x2, y2 in pixels, drawn along the pixels that contain the corners.
        colors: N colours.
        masks: (N, H, W) bool, filled with the colour.
        labels: N texts, or none.
        width: Of the box's lines, in pixels, inwards.
        alpha: Of the masks.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: If there aren't as many colours, masks or labels as boxes.
    """
    count = len(boxes)
    for name, items in (('colours', colors), ('masks', masks), ('labels', labels or None)):
        if items is not None and len(items) != count:
            raise ValueError(f'{count} boxes, but {len(items)} {name}')
    height, wide = image.shape[:2]
    result = image.copy()
    for i in reversed(range(count)) if masks is not None else ():
        inside = masks[i].astype(bool)
        result[inside] = blend(result[inside], colors[i], alpha)
    for i in reversed(range(count)):
        x1, y1, x2, y2 = np.floor(boxes[i]).astype(int)
        x1, x2 = np.clip((x1, x2), 0, wide - 1)
        y1, y2 = np.clip((y1, y2), 0, height - 1)
        outline = np.zeros((height, wide), bool)
        outline[y1 : y2 + 1, x1 : x2 + 1] = True
        outline[y1 + width : y2 + 1 - width, x1 + width : x2 + 1 - width] = False
        result[outline] = colors[i]
    corners = [(max(int(box[0]), 0), max(int(box[1]), 0)) for box in boxes]
    return _write(result, labels, corners, colors) if labels else result


def _write(
    image: np.ndarray, labels: Sequence[str], corners: Sequence[tuple], colors: Sequence[Color]
) -> np.ndarray:
    """Write labels on plates of the objects' colours, at their upper left corners."""
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    font = font_of(max(10, image.shape[0] // 24))
    for label, corner, color in reversed(list(zip(labels, corners, colors))):
        left, top, right, bottom = draw.textbbox(corner, label, font=font)
        shift = min(0, image.shape[1] - right - 4)
        draw.rectangle((left + shift, top - 1, right + shift + 3, bottom + 1), fill=tuple(color))
        light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140
        draw.text((corner[0] + shift + 2, corner[1]), label, 'black' if light else 'white', font)
    return np.asarray(canvas)


def draw_segmentation(
    image: np.ndarray, labels: np.ndarray, palette: Sequence[Color], alpha: float = 0.6
) -> np.ndarray:
    """Colour every pixel by its class.

    Args:
        image: (H, W, 3) uint8.
        labels: (H, W) integers, a class or 255 for none.
        palette: A colour for each class.
        alpha: Share of the colour; pixels without a class stay as they are.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: If the shapes differ, or a label is neither a class nor 255.
    """
    if labels.shape != image.shape[:2]:
        raise ValueError(f'labels of {labels.shape} for an image of {image.shape[:2]} pixels')
    valid = labels != 255
    if valid.any() and not 0 <= labels[valid].min() <= labels[valid].max() < len(palette):
        raise ValueError(f'a label is neither 0 ... {len(palette) - 1} nor 255')
    colors = np.asarray(palette, np.uint8)[np.where(valid, labels, 0)]
    return np.where(valid[..., None], blend(image, colors, alpha), image)
