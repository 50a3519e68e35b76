"""Crops and light, against hand-worked values."""

import numpy as np
import pytest

from mmmask.datasets import surfaces
from mmmask.datasets.spec import MaterialScenesSpec

NEUTRAL = MaterialScenesSpec(exposure=0, contrast=(1, 1), gamma=(1, 1), cast=0, grey=0)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_an_images_random_numbers_depend_on_its_key_alone():
    draw = {
        key: surfaces.image_rng(3, *key).random() for key in [('cls', 'val', 1), ('cls', 'val', 2)]
    }
    assert surfaces.image_rng(3, 'cls', 'val', 2).random() == draw['cls', 'val', 2]
    others = [
        surfaces.image_rng(*key).random() for key in [(4, 'cls', 'val', 2), (3, 'cls', 'train', 2)]
    ]
    assert len({*draw.values(), *others}) == 4


@pytest.mark.parametrize('zoom', [0.5, 1.0, 2.0])
def test_a_crop_samples_the_part_at_its_zoom(zoom):
    """In a part with values 2 x column, neighbours differ by 2 / zoom and rows are equal."""
    part = np.repeat(np.broadcast_to(2 * np.arange(100), (80, 100))[..., None], 3, 2).astype(
        np.uint8
    )
    for seed in range(5):
        crop = surfaces.crop_material(part, 20, (zoom, zoom), 0, 0, rng(seed)).astype(float)
        slope = np.abs(crop[:, -1] - crop[:, 0]) / 19
        assert np.abs(slope - 2 / zoom).max() <= 1 / 19 + 1e-9  # each end is rounded by 1/2 at most
        assert np.ptp(crop, axis=0).max() <= 1


def test_a_rotated_crop_stays_inside_its_part(monkeypatch):
    """Pixels outside the part are made black here, and no crop shows black."""
    monkeypatch.setattr(surfaces.cv2, 'BORDER_REPLICATE', surfaces.cv2.BORDER_CONSTANT)
    part = np.full((60, 80, 3), 200, np.uint8)
    for seed in range(100):
        assert surfaces.crop_material(part, 32, (0.5, 1), 45, 0, rng(seed)).min() >= 199


def test_crops_reach_the_whole_part():
    part = np.zeros((40, 60, 3), np.uint8)
    part[..., 0], part[..., 1] = np.arange(60), np.arange(40)[:, None]
    crops = np.stack([surfaces.crop_material(part, 8, (1, 1), 0, 0, rng(s)) for s in range(300)])
    assert crops[..., 0].min() <= 1 and crops[..., 0].max() >= 58
    assert crops[..., 1].min() <= 1 and crops[..., 1].max() >= 38


def test_a_crop_without_texture_is_drawn_again():
    part = np.zeros((40, 400, 3), np.uint8)
    part[:, :80] = rng().integers(0, 256, (40, 80, 3))  # a fifth has texture
    plain = [surfaces.crop_material(part, 16, (1, 1), 0, 0, rng(s)).std() > 0 for s in range(60)]
    choosy = [surfaces.crop_material(part, 16, (1, 1), 0, 20, rng(s)).std() > 0 for s in range(60)]
    assert sum(plain) < 25 and sum(choosy) > 45


def test_a_neutral_light_changes_nothing():
    image = rng().integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_array_equal(surfaces.illuminate(image, NEUTRAL, rng(), grey=False), image)


def test_grey_is_the_weighted_sum_of_the_channels():
    image = np.array([[[100, 50, 200]]], np.uint8)
    expected = round(0.299 * 100 + 0.587 * 50 + 0.114 * 200)  # 82.05
    assert surfaces.illuminate(image, NEUTRAL, rng(), grey=True).tolist() == [[[expected] * 3]]


def test_full_exposure_sets_the_mean():
    spec = MaterialScenesSpec(
        exposure=1, brightness=(0.4, 0.4), contrast=(0.5, 0.5), gamma=(1, 1), cast=0
    )
    image = np.array([[[50] * 3, [90] * 3]], np.uint8)  # mean 70, deviations -20 and 20
    expected = [round(0.4 * 255 - 10), round(0.4 * 255 + 10)]
    assert surfaces.illuminate(image, spec, rng(), grey=False)[0, :, 0].tolist() == expected


def test_gamma_is_an_exponent():
    spec = MaterialScenesSpec(exposure=0, contrast=(1, 1), gamma=(2, 2), cast=0)
    image = np.full((1, 1, 3), 128, np.uint8)
    expected = round(255 * (128 / 255) ** 2)
    assert surfaces.illuminate(image, spec, rng(), grey=False).tolist() == [[[expected] * 3]]
