"""Small pictures of one image: its patches hidden, its pixels restored, its scores as colours."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .overlay import colour, font_of, overlay_heat, to_pixels


def magnify(image: np.ndarray, side: int) -> np.ndarray:
    """Repeat pixels until the shorter side has about ``side``; larger images stay as they are.

    Every pixel becomes a square of the same size, so patches stay sharp and nothing is invented.

    Args:
        image: (H, W, 3) uint8.
        side: Pixels of the shorter side, about.

    Returns:
        (n H, n W, 3) uint8 with a whole n of at least 1.
    """
    factor = max(1, round(side / min(image.shape[:2])))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def heat_map(heat: np.ndarray, shape: tuple[int, int], colormap: str = 'inferno') -> np.ndarray:
    """Scores alone, from the image's own lowest to its highest.

    Args:
        heat: (h, w) scores; equal scores everywhere give the lowest colour.
        shape: Height and width of the result, multiples of h and w.
        colormap: Name of matplotlib's.

    Returns:
        (H, W, 3) uint8.
    """
    return overlay_heat(np.zeros((*shape, 3), np.uint8), heat, 1.0, colormap)


def paste(image: np.ndarray, prediction: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The prediction where patches were masked, the image's own pixels elsewhere.

    Args:
        image: (H, W, 3) uint8.
        prediction: (H, W, 3) uint8.
        mask: (h, w) bool, True = masked.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: If the images' shapes differ, or aren't multiples of the mask's.
    """
    if image.shape != prediction.shape:
        raise ValueError(f'an image of {image.shape}, but a prediction of {prediction.shape}')
    return np.where(to_pixels(mask.astype(bool), image.shape[:2])[..., None], prediction, image)


def colour_bar(
    width: int,
    low: str = 'lowest',
    high: str = 'highest',
    colormap: str = 'inferno',
    font_size: int = 13,
) -> np.ndarray:
    """A bar of a colour map between the names of its ends, on white.

    Args:
        width: Of the bar itself, in pixels.
        low: Left of it.
        high: Right of it.
        colormap: Name of matplotlib's.
        font_size: Of the names.

    Returns:
        (H, W, 3) uint8.
    """
    font = font_of(font_size)
    left, right = (round(font.getlength(text)) + 8 for text in (low, high))
    height = font_size + 4
    canvas = Image.new('RGB', (left + width + right, height), 'white')
    unit = np.broadcast_to(np.linspace(0, 1, width), (height - 4, width))
    canvas.paste(Image.fromarray(colour(unit, colormap).round().astype(np.uint8)), (left, 2))
    draw = ImageDraw.Draw(canvas)
    draw.text((0, height // 2), low, 'black', font, anchor='lm')
    draw.text((left + width + 8, height // 2), high, 'black', font, anchor='lm')
    return np.asarray(canvas)
