"""Composition of the material scenes: outlines, and objects on a background.

Shapes: images are ``(H, W, 3)`` uint8 RGB, masks ``(H, W)`` bool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmmask.datasets.materials import OTHERS, PHOTOGRAPHS, SCENE_PHOTOGRAPHS
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.datasets.surfaces import crop_photograph, illuminate, image_rng
from mmmask.utils.errors import UserError

PLACEMENTS = 30  # attempts to place one object before the scene does without it


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
    crop = crop_photograph(photograph, split, spec.cls_size, spec.zoom, spec, rng)
    return illuminate(crop, spec, rng, grey=rng.random() < spec.grey)


def compose_scene(split: str, index: int, spec: MaterialScenesSpec, seed: int) -> Scene:
    """Objects of random materials on a background of another material.

    Later objects lie over earlier ones. A placement that would leave too little of any object
    visible is drawn again, and given up after `PLACEMENTS` attempts. A scene may hold fewer objects
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
    classes = [label for label in range(len(SCENE_PHOTOGRAPHS)) if label != background]
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
        label = int(rng.integers(len(SCENE_PHOTOGRAPHS)))
        photograph = SCENE_PHOTOGRAPHS[label]
    crop = crop_photograph(photograph, split, spec.scene_size, spec.scene_zoom, spec, rng)
    hazy = replace(spec, contrast=spec.background_contrast)
    return label, illuminate(crop, hazy, rng, grey)


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
    photograph, size = SCENE_PHOTOGRAPHS[label], max(inside.shape)
    crop = crop_photograph(photograph, split, size, spec.scene_zoom, spec, rng)
    crop = illuminate(crop[: inside.shape[0], : inside.shape[1]], spec, rng, grey)
    canvas[window][inside] = crop[inside]
