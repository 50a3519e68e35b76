"""Composition: outlines and objects, against hand-worked values."""

import numpy as np
import pytest

from mmmask.datasets import scenes
from mmmask.datasets.materials import SCENE_MATERIALS
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.utils.errors import UserError

SMALL = MaterialScenesSpec(cls_size=16, scene_size=48)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_blob_without_harmonics_is_a_disk():
    mask = scenes.blob(11, np.array([5.0, 4.0]), 3.2, 0.0, rng())
    expected = [[(x - 5) ** 2 + (y - 4) ** 2 < 3.2**2 for x in range(11)] for y in range(11)]
    np.testing.assert_array_equal(mask, expected)


def test_a_blob_follows_its_formula():
    draws = rng(7)
    order = np.array([2, 3, 4, 5])
    amplitude, phase = draws.uniform(0, 0.8, 4) / order, draws.uniform(0, 2 * np.pi, 4)
    mask = scenes.blob(40, np.array([18.0, 21.0]), 9.0, 0.8, rng(7))
    for y in range(40):
        for x in range(40):
            angle = np.arctan2(y - 21, x - 18)
            radius = 9 * (
                1
                + sum(
                    a * np.cos(k * angle + p)
                    for a, k, p in zip(amplitude, order, phase, strict=True)
                )
            )
            assert mask[y, x] == (np.hypot(x - 18, y - 21) < radius)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_scenes_keep_their_promises(split):
    least = round(SMALL.min_visible * (48 / 128) ** 2)
    backgrounds = set()
    for index in range(25):
        scene = scenes.compose_scene(split, index, SMALL, seed=0)
        assert scene.image.shape == (48, 48, 3) and scene.image.dtype == np.uint8
        assert 1 <= len(scene.labels) == len(scene.masks) <= 4
        assert scene.masks.sum(axis=0).max() == 1  # visible masks are disjoint
        assert scene.masks.sum(axis=(1, 2)).min() >= least
        assert scene.background not in scene.labels
        assert set(scene.labels) <= set(range(len(SCENE_MATERIALS)))
        backgrounds.add(scene.background)
    assert None in backgrounds and len(backgrounds) > 5


def test_the_label_map_is_background_plus_objects():
    masks = np.zeros((2, 2, 3), bool)
    masks[0, 0, :2] = masks[1, 1, 2] = True
    image = np.zeros((2, 3, 3), np.uint8)
    scene = scenes.Scene(image, (0, 11), masks, background=4)
    assert scene.label_map().tolist() == [[1, 1, 5], [5, 5, 12]]
    other = scenes.Scene(image, (0, 11), masks, background=None)
    assert other.label_map().tolist() == [[1, 1, 0], [0, 0, 12]]


def test_masks_are_exactly_the_pixels_that_were_painted(monkeypatch):
    """Every surface gets its own plain colour: the picture is then a map of the surfaces."""
    painted = iter(range(1, 1000))

    def plain(photograph, split, size, zoom, spec, rng):
        return np.full((size, size, 3), next(painted), np.uint8)

    monkeypatch.setattr(scenes, 'crop_photograph', plain)
    monkeypatch.setattr(scenes, 'illuminate', lambda image, spec, rng, grey: image)
    for index in range(20):
        scene = scenes.compose_scene('train', index, SMALL, seed=0)
        colours = scene.image[..., 0]
        first = colours.max() - len(scene.labels)  # the background's
        for order, mask in enumerate(scene.masks, start=1):
            np.testing.assert_array_equal(mask, colours == first + order)
        np.testing.assert_array_equal(~scene.masks.any(axis=0), colours == first)


def test_impossible_objects_are_an_error():
    spec = MaterialScenesSpec(scene_size=32, radius=(0.01, 0.02), min_visible=2000)
    with pytest.raises(UserError, match='min_visible'):
        scenes.compose_scene('train', 0, spec, seed=0)
