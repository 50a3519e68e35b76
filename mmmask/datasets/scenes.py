"""Composition of one image of the material scenes: crops, light, outlines, objects on a background.

Shapes: images are ``(H, W, 3)``; "lit" images are float32 in [0, 1], finished ones uint8 RGB;
masks are ``(H, W)`` bool.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from mmmask.datasets.materials import OTHERS, PHOTOGRAPHS, Photograph, load_part, texture
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.errors import UserError

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
ATTEMPTS = 8  # at a crop with enough texture
PLACEMENTS = 30  # attempts to place one object before the scene does without it


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

    The surface is made grey or not, its deviation from the mean is scaled (contrast), the mean is
    moved towards a random target (exposure), each channel gets a gain (the colour of the light)
    and the whole an exponent (gamma).

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


def blob(
    size: int, centre: np.ndarray, radius: float, wobble: float, rng: np.random.Generator
) -> np.ndarray:
    """A smooth random outline around a centre.

    The radius at angle t is ``radius * (1 + sum_k a_k cos(k t + p_k))`` with k = 2..5, a_k drawn
    from [0, wobble / k] and p_k from [0, 2 pi).

    Args:
        size: Side of the mask in pixels.
        centre: ``(x, y)`` in pixels.
        radius: Mean radius in pixels.
        wobble: Strength of the harmonics, 0 to 1.
        rng: Random numbers.

    Returns:
        ``(size, size)`` bool, True inside. A pixel belongs to the blob when its centre does.
    """
    order = np.arange(2, 6)
    amplitude = rng.uniform(0, wobble, order.size) / order
    phase = rng.uniform(0, 2 * np.pi, order.size)
    y, x = np.mgrid[:size, :size]
    dx, dy = x - centre[0], y - centre[1]
    waves = np.cos(np.arctan2(dy, dx)[..., None] * order + phase) @ amplitude
    return np.hypot(dx, dy) < radius * (1 + waves)


@dataclass(frozen=True)
class Scene:
    """Objects on a background.

    Attributes:
        image: ``(S, S, 3)`` uint8 RGB.
        labels: ``(N,)`` class index of each object.
        masks: ``(N, S, S)`` bool, the visible pixels of each object: disjoint.
        background: Class index of the background, or None for a photograph without a class.
    """

    image: np.ndarray
    labels: tuple[int, ...]
    masks: np.ndarray
    background: int | None

    def label_map(self) -> np.ndarray:
        """ADE-style ``(S, S)`` uint8: class index + 1, and 0 where there is no class."""
        result = np.zeros(self.image.shape[:2], np.uint8)
        if self.background is not None:
            result[:] = self.background + 1
        for label, mask in zip(self.labels, self.masks, strict=True):
            result[mask] = label + 1
        return result


def material_image(
    label: int, split: str, index: int, spec: MaterialScenesSpec, seed: int
) -> np.ndarray:
    """One material without objects: ``(S, S, 3)`` uint8, S = ``spec.cls_size``."""
    photograph = PHOTOGRAPHS[label]
    rng = image_rng(seed, 'cls', split, photograph.name, index)
    crop = _crop_of(photograph, split, spec.cls_size, spec.zoom, spec, rng)
    return illuminate(crop, spec, rng, grey=rng.random() < spec.grey)


def compose_scene(split: str, index: int, spec: MaterialScenesSpec, seed: int) -> Scene:
    """Objects of random materials on a background of another material.

    Later objects lie over earlier ones. A placement that would leave too little of any object
    visible is drawn again, and given up after `PLACEMENTS` attempts: a scene may hold fewer objects
    than were drawn, but at least one.

    Args:
        split: ``'train'`` or ``'val'``.
        index: Number of the scene.
        spec: What to compose.
        seed: Seed of the data set.
    """
    rng = image_rng(seed, 'scene', split, index)
    size = spec.scene_size
    grey = bool(rng.random() < spec.grey)
    background, canvas = _background(split, spec, rng, grey)
    classes = [label for label in range(len(PHOTOGRAPHS)) if label != background]
    least = max(1, round(spec.min_visible * (size / 128) ** 2))
    labels: list[int] = []
    full: list[int] = []
    masks = np.zeros((0, size, size), bool)
    for _ in range(rng.integers(spec.objects[0], spec.objects[1] + 1)):
        label = int(rng.choice(classes))
        for _ in range(PLACEMENTS):
            radius = size * rng.uniform(*spec.radius)
            centre = rng.uniform(0.1 * size, 0.9 * size, 2)
            shape = blob(size, centre, radius, spec.wobble, rng)
            left = np.concatenate([masks & ~shape, shape[None]])
            areas = left.sum(axis=(1, 2))
            shares = areas / np.array([*full, max(int(shape.sum()), 1)])
            if areas.min() >= least and shares.min() >= spec.min_visible_share:
                break
        else:
            continue
        masks = left
        labels.append(label)
        full.append(int(shape.sum()))
        _fill(canvas, shape, label, split, spec, rng, grey)
    if not labels:
        raise UserError(
            f'material scenes: no object of radius {spec.radius} keeps {least} visible pixels: '
            'lower min_visible'
        )
    return Scene(canvas, tuple(labels), masks, background)


def _background(
    split: str, spec: MaterialScenesSpec, rng: np.random.Generator, grey: bool
) -> tuple[int | None, np.ndarray]:
    """Class (or None) and pixels of a background."""
    if rng.random() < spec.other_background:
        label, photograph = None, OTHERS[rng.integers(len(OTHERS))]
    else:
        label = int(rng.integers(len(PHOTOGRAPHS)))
        photograph = PHOTOGRAPHS[label]
    crop = _crop_of(photograph, split, spec.scene_size, spec.scene_zoom, spec, rng)
    return label, illuminate(crop, spec, rng, grey)


def _fill(
    canvas: np.ndarray,
    shape: np.ndarray,
    label: int,
    split: str,
    spec: MaterialScenesSpec,
    rng: np.random.Generator,
    grey: bool,
) -> None:
    """Fill ``shape`` of the canvas with a fresh crop of the material, under its own light."""
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = shape[window]
    photograph, size = PHOTOGRAPHS[label], max(inside.shape)
    crop = _crop_of(photograph, split, size, spec.scene_zoom, spec, rng)
    crop = illuminate(crop[: inside.shape[0], : inside.shape[1]], spec, rng, grey)
    canvas[window][inside] = crop[inside]


def _crop_of(
    photograph: Photograph,
    split: str,
    size: int,
    zoom: tuple[float, float],
    spec: MaterialScenesSpec,
    rng: np.random.Generator,
) -> np.ndarray:
    least = spec.min_texture * texture(photograph, split)
    return crop_material(load_part(photograph, split), size, zoom, spec.rotation, least, rng)
