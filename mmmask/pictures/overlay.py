"""Small pictures of one image: its patches hidden or restored, its scores as colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import colormaps, get_data_path
from PIL import Image, ImageDraw, ImageFont

GREY = (60, 60, 66)


def font_of(size: int) -> ImageFont.FreeTypeFont:
    """Return matplotlib's own font, which has the letters of most alphabets, unlike Pillow's."""
    return ImageFont.truetype(Path(get_data_path(), 'fonts/ttf/DejaVuSans.ttf'), size)


def enlarge(image: np.ndarray, side: int) -> np.ndarray:
    """Resize an image, (H, W, 3) uint8, bicubically to ``side`` pixels of its longer side."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def to_pixels(patches: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Repeat a value for every pixel of its patch.

    Args:
        patches: (h, w).
        shape: Height and width of the image, multiples of h and w.

    Returns:
        (H, W).

    Raises:
        ValueError: If they are no multiples.
    """
    rows, columns = patches.shape
    if shape[0] % rows or shape[1] % columns:
        raise ValueError(f'an image of {shape} pixels has no grid of {rows} x {columns} patches')
    return patches.repeat(shape[0] // rows, axis=0).repeat(shape[1] // columns, axis=1)


def blend(image: np.ndarray, color: np.ndarray, alpha: float | np.ndarray) -> np.ndarray:
    """Return (1 - alpha) image + alpha color, rounded to uint8; arrays broadcast."""
    if not np.all((np.asarray(alpha) >= 0) & (np.asarray(alpha) <= 1)):
        raise ValueError(f'alpha must be in [0, 1], got {alpha}')
    mixed = image.astype(np.float64) * (1 - alpha) + np.asarray(color, np.float64) * alpha
    return mixed.round().astype(np.uint8)


def colour(unit: np.ndarray, colormap: str) -> np.ndarray:
    """Return a matplotlib map's colours, (H, W, 3) in [0, 255], of numbers in [0, 1], (H, W)."""
    return colormaps[colormap](unit)[..., :3] * 255


def overlay_mask(
    image: np.ndarray,
    mask: np.ndarray,
    color: tuple[int, int, int] = GREY,
    alpha: float = 0.9,
) -> np.ndarray:
    """Cover the masked patches.

    Args:
        image: (H, W, 3) uint8.
        mask: (h, w) bool, True = masked.
        color: What covers them.
        alpha: How much of it, 1: nothing of the image is left.

    Returns:
        (H, W, 3) uint8.
    """
    pixels = to_pixels(mask.astype(bool), image.shape[:2])[..., None]
    return np.where(pixels, blend(image, color, alpha), image)


def overlay_heat(
    image: np.ndarray, heat: np.ndarray, alpha: float = 0.65, colormap: str = 'inferno'
) -> np.ndarray:
    """Lay scores of patches over an image, from the image's own lowest to its highest score.

    Args:
        image: (H, W, 3) uint8; its grey values stay visible below the colours.
        heat: (h, w) scores; equal scores everywhere give the lowest colour.
        alpha: Share of the colours.
        colormap: Name of matplotlib's.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: If a score isn't finite.
    """
    heat = np.asarray(heat, np.float64)
    if not np.isfinite(heat).all():
        raise ValueError('the scores are not finite')
    span = heat.max() - heat.min()
    unit = (heat - heat.min()) / span if span > 0 else np.zeros_like(heat)
    colors = colour(to_pixels(unit, image.shape[:2]), colormap)
    grey = np.asarray(Image.fromarray(image).convert('L'))[..., None]
    return blend(np.broadcast_to(grey, image.shape), colors, alpha)


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
    """Draw scores alone, as :func:`overlay_heat` over black.

    Args:
        heat: (h, w) scores.
        shape: Height and width of the result, multiples of h and w.
        colormap: Name of matplotlib's.
    """
    return overlay_heat(np.zeros((*shape, 3), np.uint8), heat, 1.0, colormap)


def paste(image: np.ndarray, prediction: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put a prediction where patches were masked, and keep the image's own pixels elsewhere.

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
    width: int, low: str = 'lowest', high: str = 'highest', colormap: str = 'inferno'
) -> np.ndarray:
    """Draw a bar of a colour map between the names of its ends, on white.

    Args:
        width: Of the bar itself, in pixels.
        low: Left of it.
        high: Right of it.
        colormap: Name of matplotlib's.

    Returns:
        (17, W, 3) uint8.
    """
    font, height = font_of(13), 17
    left, right = (round(font.getlength(text)) + 8 for text in (low, high))
    canvas = Image.new('RGB', (left + width + right, height), 'white')
    unit = np.broadcast_to(np.linspace(0, 1, width), (height - 4, width))
    canvas.paste(Image.fromarray(colour(unit, colormap).round().astype(np.uint8)), (left, 2))
    draw = ImageDraw.Draw(canvas)
    draw.text((0, height // 2), low, 'black', font, anchor='lm')
    draw.text((left + width + 8, height // 2), high, 'black', font, anchor='lm')
    return np.asarray(canvas)
