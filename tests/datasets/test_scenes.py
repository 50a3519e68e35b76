"""Composition: crops, light, outlines, objects, against hand-worked values."""

import numpy as np
import pytest

from mmmask.datasets import scenes
from mmmask.datasets.materials import MATERIALS
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.errors import UserError

SMALL = MaterialScenesSpec(cls_size=16, scene_size=48)
NEUTRAL = MaterialScenesSpec(exposure=0, contrast=(1, 1), gamma=(1, 1), cast=0, grey=0)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_an_images_random_numbers_depend_on_its_key_alone():
    draw = {
        key: scenes.image_rng(3, *key).random() for key in [('cls', 'val', 1), ('cls', 'val', 2)]
    }
    assert scenes.image_rng(3, 'cls', 'val', 2).random() == draw['cls', 'val', 2]
    others = [
        scenes.image_rng(*key).random() for key in [(4, 'cls', 'val', 2), (3, 'cls', 'train', 2)]
    ]
    assert len({*draw.values(), *others}) == 4


@pytest.mark.parametrize('zoom', [0.5, 1.0, 2.0])
def test_a_crop_samples_the_part_at_its_zoom(zoom):
    """Where a part's values are 2 x column, neighbours differ by 2 / zoom, and rows by nothing."""
    part = np.repeat(np.broadcast_to(2 * np.arange(100), (80, 100))[..., None], 3, 2).astype(
        np.uint8
    )
    for seed in range(5):
        crop = scenes.crop_material(part, 20, (zoom, zoom), 0, 0, rng(seed)).astype(float)
        slope = np.abs(crop[:, -1] - crop[:, 0]) / 19
        assert np.abs(slope - 2 / zoom).max() <= 1 / 19 + 1e-9  # each end is rounded by 1/2 at most
        assert np.ptp(crop, axis=0).max() <= 1


def test_a_rotated_crop_stays_inside_its_part(monkeypatch):
    """What lies outside the part is made black here, and no crop shows black."""
    monkeypatch.setattr(scenes.cv2, 'BORDER_REPLICATE', scenes.cv2.BORDER_CONSTANT)
    part = np.full((60, 80, 3), 200, np.uint8)
    for seed in range(100):
        assert scenes.crop_material(part, 32, (0.5, 1), 45, 0, rng(seed)).min() >= 199


def test_crops_reach_the_whole_part():
    part = np.zeros((40, 60, 3), np.uint8)
    part[..., 0], part[..., 1] = np.arange(60), np.arange(40)[:, None]
    crops = np.stack([scenes.crop_material(part, 8, (1, 1), 0, 0, rng(s)) for s in range(300)])
    assert crops[..., 0].min() <= 1 and crops[..., 0].max() >= 58
    assert crops[..., 1].min() <= 1 and crops[..., 1].max() >= 38


def test_a_crop_without_texture_is_drawn_again():
    part = np.zeros((40, 400, 3), np.uint8)
    part[:, :80] = rng().integers(0, 256, (40, 80, 3))  # a fifth has texture
    plain = [scenes.crop_material(part, 16, (1, 1), 0, 0, rng(s)).std() > 0 for s in range(60)]
    choosy = [scenes.crop_material(part, 16, (1, 1), 0, 20, rng(s)).std() > 0 for s in range(60)]
    assert sum(plain) < 25 and sum(choosy) > 45


def test_a_neutral_light_changes_nothing():
    image = rng().integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_array_equal(scenes.illuminate(image, NEUTRAL, rng(), grey=False), image)


def test_grey_is_the_weighted_sum_of_the_channels():
    image = np.array([[[100, 50, 200]]], np.uint8)
    expected = round(0.299 * 100 + 0.587 * 50 + 0.114 * 200)  # 82.05
    assert scenes.illuminate(image, NEUTRAL, rng(), grey=True).tolist() == [[[expected] * 3]]


def test_full_exposure_sets_the_mean():
    spec = MaterialScenesSpec(
        exposure=1, brightness=(0.4, 0.4), contrast=(0.5, 0.5), gamma=(1, 1), cast=0
    )
    image = np.array([[[50] * 3, [90] * 3]], np.uint8)  # mean 70, deviations -20 and 20
    expected = [round(0.4 * 255 - 10), round(0.4 * 255 + 10)]
    assert scenes.illuminate(image, spec, rng(), grey=False)[0, :, 0].tolist() == expected


def test_gamma_is_an_exponent():
    spec = MaterialScenesSpec(exposure=0, contrast=(1, 1), gamma=(2, 2), cast=0)
    image = np.full((1, 1, 3), 128, np.uint8)
    expected = round(255 * (128 / 255) ** 2)
    assert scenes.illuminate(image, spec, rng(), grey=False).tolist() == [[[expected] * 3]]


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
        assert set(scene.labels) <= set(range(len(MATERIALS)))
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

    monkeypatch.setattr(scenes, '_crop_of', plain)
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
