"""The photographs are there, and training and validation share no pixel of them."""

import numpy as np
import pytest
from PIL import Image

from mmmask.datasets import materials, scenes, writers
from mmmask.datasets.materials import (
    MATERIALS,
    OTHERS,
    PALETTE,
    PHOTOGRAPHS,
    SCENE_MATERIALS,
    Photograph,
    cut_part,
)
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.utils.errors import UserError

SMALL = MaterialScenesSpec(cls_size=16, scene_size=32)


@pytest.fixture
def fresh_caches():
    """Nothing that was read from the real photographs stays, nor from the test's own."""
    caches = (materials.load_part, materials.texture, writers._scene)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_there_are_twelve_classes_in_the_order_of_a_folder_tree():
    assert len(MATERIALS) == len(set(MATERIALS)) == 12
    assert list(MATERIALS) == sorted(MATERIALS)
    assert len(SCENE_MATERIALS) == len(PALETTE) == 6


@pytest.mark.parametrize('photograph', [*PHOTOGRAPHS, *OTHERS], ids=lambda p: p.name)
def test_every_photograph_ships_with_its_package(photograph):
    for split in materials.SPLITS:
        part = materials.load_part(photograph, split)
        assert part.dtype == np.uint8 and part.shape[2] == 3
        assert min(part.shape[:2]) >= 90  # large enough for a 64 px crop at a zoom below 1
        assert part.std() > 5


def test_parts_are_columns_left_and_right_of_one_line():
    photograph = Photograph('x', 'x/x.png', (2, 1, 12, 5), split=0.6)
    pixels = np.zeros((6, 14, 3), np.uint8)
    pixels[..., 0] = np.arange(14)  # a pixel's value is its column
    pixels[..., 1] = np.arange(6)[:, None]  # and its row
    train, val = (cut_part(pixels, photograph, split) for split in ('train', 'val'))
    assert np.unique(train[..., 0]).tolist() == [2, 3, 4, 5, 6, 7]
    assert np.unique(val[..., 0]).tolist() == [8, 9, 10, 11]
    assert np.unique(train[..., 1]).tolist() == np.unique(val[..., 1]).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize('photograph', [*PHOTOGRAPHS, *OTHERS], ids=lambda p: p.name)
def test_the_line_divides_every_region(photograph):
    left, _, right, _ = photograph.box
    train, val = photograph.columns('train'), photograph.columns('val')
    assert left == train[0] < train[1] == val[0] < val[1] == right


def _fake_photographs(folder, monkeypatch, noise_left, noise_right):
    """Every photograph becomes noise: ``noise_left`` left of its dividing line, else the other."""

    def path(photograph):
        _, _, right, bottom = photograph.box
        pixels = np.random.default_rng(noise_right).integers(0, 256, (bottom, right, 3), np.uint8)
        middle = photograph.columns('train')[1]
        left = np.random.default_rng(noise_left).integers(0, 256, (bottom, middle, 3), np.uint8)
        pixels[:, :middle] = left
        file = folder / f'{photograph.name}.png'
        Image.fromarray(pixels).save(file, compress_level=0)
        return file

    monkeypatch.setattr(materials, 'photograph_path', path)
    materials.load_part.cache_clear()
    materials.texture.cache_clear()


def _images(split):
    cls = [scenes.material_image(label, split, 0, SMALL, seed=1) for label in range(12)]
    return np.stack(cls), np.stack([scenes.compose_scene(split, i, SMALL, 1).image for i in (0, 1)])


def test_validation_pixels_never_reach_training(tmp_path, monkeypatch, fresh_caches):
    """Other pixels right of the line: every training image stays, every validation image moves."""
    _fake_photographs(tmp_path, monkeypatch, noise_left=1, noise_right=2)
    train, val = _images('train'), _images('val')
    _fake_photographs(tmp_path, monkeypatch, noise_left=1, noise_right=3)
    for before, after in zip(train, _images('train'), strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(val, _images('val'), strict=True):
        assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_training_pixels_never_reach_validation(tmp_path, monkeypatch, fresh_caches):
    _fake_photographs(tmp_path, monkeypatch, noise_left=1, noise_right=2)
    val = _images('val')
    _fake_photographs(tmp_path, monkeypatch, noise_left=4, noise_right=2)
    for before, after in zip(val, _images('val'), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_missing_package_is_named():
    with pytest.raises(UserError, match=r"package 'no_such_package'.*pip install"):
        materials.photograph_path(Photograph('x', 'no_such_package/x.png', (0, 0, 9, 9), 0.5))


def test_a_photograph_that_the_package_lacks_is_named():
    with pytest.raises(UserError, match=r'skimage.*lost\.png.*scikit-image'):
        materials.photograph_path(Photograph('x', 'skimage/data/lost.png', (0, 0, 9, 9), 0.5))


def test_a_photograph_of_another_size_is_refused():
    larger = Photograph('x', 'skimage/data/brick.png', (0, 0, 513, 512), 0.5)
    with pytest.raises(UserError, match=r'brick\.png is smaller'):
        materials.load_part(larger, 'train')
