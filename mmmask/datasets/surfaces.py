"""Surfaces of the material scenes: a crop of a material, under a random light.

Shapes: images are ``(H, W, 3)`` uint8 RGB.
"""

from __future__ import annotations

import zlib

import cv2
import numpy as np

from mmmask.datasets.materials import Photograph, load_part, texture
from mmmask.datasets.spec import MaterialScenesSpec

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
ATTEMPTS = 8  # at a crop with enough texture


def image_rng(seed: int, *key: str | int) -> np.random.Generator:
    """Random numbers of one image: they depend on its key, not on the other images."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.default_rng([seed, *words])


def crop_material(
    part: np.ndarray,
    size: int,
    zoom: tuple[float, float],
    rotation: float,
    least: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """A square of a material at a random place, zoom, rotation and orientation.

    Args:
        part: ``(h, w, 3)`` uint8, what the split may use.
        size: Side of the square in pixels.
        zoom: Range of the square's pixels per pixel of the part; raised where the part is too
            small.
        rotation: Largest rotation in degrees, either way.
        least: Least standard deviation of the square's values. A poorer square (plain sky, a table
            between coins) is drawn again, `ATTEMPTS` times at most.
        rng: Random numbers.

    Returns:
        ``(size, size, 3)`` uint8; the rotated square lies wholly inside the part.
    """
    for _ in range(ATTEMPTS):
        square = _crop(part, size, zoom, rotation, rng)
        if float(square.std()) >= least:
            break
    return square


def _crop(
    part: np.ndarray,
    size: int,
    zoom: tuple[float, float],
    rotation: float,
    rng: np.random.Generator,
) -> np.ndarray:
    angle = np.deg2rad(rng.uniform(-rotation, rotation))
    extent = abs(np.cos(angle)) + abs(np.sin(angle))  # bounding square of a rotated unit square
    height, width = part.shape[:2]
    side = min(size / rng.uniform(*zoom), (min(height, width) - 1) / extent)
    reach = side * extent / 2
    centre = rng.uniform([reach, reach], [width - reach, height - reach])  # x, y
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) * (side / size)
    if rng.random() < 0.5:
        turn[:, 0] *= -1  # mirror
    # output pixel p -> the part's coordinate turn @ p + offset, pixel centres at integers
    offset = centre - 0.5 - turn @ np.full(2, (size - 1) / 2)
    matrix = np.column_stack([turn, offset])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(part, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def illuminate(
    image: np.ndarray, spec: MaterialScenesSpec, rng: np.random.Generator, grey: bool
) -> np.ndarray:
    """Put a surface under a random light, so that its mean colour doesn't tell its class.

    In this order: grey or not; the deviation from the mean is scaled (contrast); the mean moves
    towards a random target (exposure). Then each channel gets a gain (the colour of the light), and
    the whole an exponent (gamma).

    Args:
        image: ``(H, W, 3)`` uint8.
        spec: Strengths.
        rng: Random numbers.
        grey: Whether colour is removed.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    surface = image.astype(np.float32) / 255
    if grey:
        surface = np.repeat((surface @ GREY_WEIGHTS)[..., None], 3, axis=2)
    mean = float((surface @ GREY_WEIGHTS).mean())
    target = mean + spec.exposure * (rng.uniform(*spec.brightness) - mean)
    contrast = _log_uniform(rng, spec.contrast)
    surface = (surface - mean) * contrast + target
    gains = np.exp(rng.normal(0, spec.cast, 3))
    if not grey:
        surface = surface * gains.astype(np.float32)
    surface = np.clip(surface, 0, 1) ** np.float32(_log_uniform(rng, spec.gamma))
    return np.rint(surface * 255).astype(np.uint8)


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))


def crop_photograph(
    photograph: Photograph,
    split: str,
    size: int,
    zoom: tuple[float, float],
    spec: MaterialScenesSpec,
    rng: np.random.Generator,
) -> np.ndarray:
    """Crop the part that ``split`` may use, with the rotation and texture of the specification."""
    least = spec.min_texture * texture(photograph, split)
    return crop_material(load_part(photograph, split), size, zoom, spec.rotation, least, rng)
