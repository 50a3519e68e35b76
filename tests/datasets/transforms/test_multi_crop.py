"""Tests the views, the rate of blurring, and that equal seeds draw equal views."""

import random

import numpy as np
import pytest
import torch
from mmpretrain.registry import TRANSFORMS

from mmmask.datasets.transforms import MultiCrop

SMALL = dict(global_size=8, local_size=4, num_local=3)
# Nothing but crops, flips, blur and solarisation: a flat colour stays one.
PLAIN = dict(SMALL, color_jitter=(0.0, 0.0, 0.0, 0.0), gray_prob=0.0)


@pytest.fixture(autouse=True)
def seeds():
    random.seed(0)


def photograph(height=24, width=20):
    return np.random.RandomState(0).randint(0, 256, (height, width, 3)).astype(np.uint8)


def crop(transform, image):
    return transform(dict(img=image))['img']


def test_numbers_and_sizes():
    views = crop(MultiCrop(**SMALL), photograph())
    assert [view.shape for view in views] == [(8, 8, 3)] * 2 + [(4, 4, 3)] * 3
    assert all(view.dtype == np.uint8 for view in views)
    views = crop(MultiCrop(), photograph(64, 48))
    assert [view.shape for view in views] == [(224, 224, 3)] * 2 + [(96, 96, 3)] * 10
    assert len(crop(MultiCrop(**dict(SMALL, num_local=0)), photograph())) == 2


def test_views_differ_and_other_keys_stay():
    results = MultiCrop(**SMALL)(dict(img=photograph(), sample_idx=7))
    views = results['img']
    assert results['sample_idx'] == 7
    assert not np.array_equal(views[0], views[1])
    assert len({view.tobytes() for view in views}) == 5


def test_the_image_is_untouched():
    image = photograph()
    transform = MultiCrop(**dict(SMALL, global_scale=(1.0, 1.0)))
    for _ in range(20):
        crop(transform, image)
        np.testing.assert_array_equal(image, photograph())


def test_drawn_from_pythons_generator():
    transform = MultiCrop(**dict(SMALL, num_local=1))

    def draw(seed):
        random.seed(seed)
        return [view.tobytes() for _ in range(20) for view in crop(transform, photograph())]

    before = torch.get_rng_state()
    first = draw(0)
    assert first == draw(0)
    assert first != draw(1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    'view, prob', [('first_global', 1.0), ('second_global', 0.1), ('local', 0.5)]
)
def test_blur(monkeypatch, view, prob):
    sigmas, transform, times = [], MultiCrop(**SMALL), 800
    monkeypatch.setattr(
        'mmmask.datasets.transforms.pixels.blur', lambda image, sigma: sigmas.append(sigma) or image
    )
    image = photograph()
    for _ in range(times):
        transform.draw(getattr(transform, view), image)
    # Four standard deviations of the share.
    tolerance = 4 * np.sqrt(prob * (1 - prob) / times)
    assert len(sigmas) / times == pytest.approx(prob, abs=tolerance)
    assert min(sigmas) >= 0.1 and max(sigmas) <= 2.0
    # Uniform in 0.1 ... 2: mean 1.05, standard deviation 1.9 / sqrt(12).
    assert np.mean(sigmas) == pytest.approx(1.05, abs=4 * 1.9 / np.sqrt(12 * len(sigmas)))


def test_solarisation_of_the_second_view_only():
    transform, image, times = MultiCrop(**PLAIN), np.full((12, 12, 3), 200, np.uint8), 400
    solarised = np.zeros(5)
    for _ in range(times):
        for index, view in enumerate(crop(transform, image)):
            (value,) = np.unique(view)
            assert value in (200, 55)  # 255 - 200
            solarised[index] += value == 55
    assert not solarised[[0, 2, 3, 4]].any()
    assert solarised[1] / times == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / times))


def test_solarisation_keeps_dark_pixels():
    transform, image = MultiCrop(**PLAIN), np.full((12, 12, 3), 100, np.uint8)
    assert all((view == 100).all() for _ in range(30) for view in crop(transform, image))


@pytest.mark.parametrize('prob', [0.0, 0.2, 1.0])
def test_grey(prob):
    transform = MultiCrop(**dict(PLAIN, gray_prob=prob, num_local=10))
    image = np.empty((12, 12, 3), np.uint8)
    image[:] = (10, 60, 110)  # BGR
    # 0.114 x 10 + 0.587 x 60 + 0.2989 x 110 = 69.2
    flat = [view[0, 0].tolist() for _ in range(40) for view in crop(transform, image)]
    flat = [colour for colour in flat if max(colour) < 128]
    grey = [colour for colour in flat if len(set(colour)) == 1]
    assert all(abs(colour[0] - 69.2) <= 1 for colour in grey)
    assert all(colour in grey or colour == [10, 60, 110] for colour in flat)
    tolerance = 4 * np.sqrt(prob * (1 - prob) / len(flat))
    assert len(grey) / len(flat) == pytest.approx(prob, abs=tolerance)


def test_jitter_of_four_views_in_five():
    jitter = (0.4, 0.0, 0.0, 0.0)
    transform = MultiCrop(**dict(PLAIN, color_jitter=jitter, num_local=10))
    image = np.full((12, 12, 3), 100, np.uint8)
    values = [int(view[0, 0, 0]) for _ in range(60) for view in crop(transform, image)[2:]]
    # Brightness 0.6 ... 1.4; one value in 80 of those jittered is 100 again.
    assert 60 <= min(values) < 70 and 130 < max(values) <= 140
    changed = 0.8 * (1 - 1 / 80)
    assert np.mean(np.array(values) != 100) == pytest.approx(changed, abs=4 * 0.4 / np.sqrt(600))


@pytest.mark.parametrize('view', ['first_global', 'second_global', 'local'])
def test_scales_are_shares_of_the_area(monkeypatch, view):
    low, high = (0.05, 0.25) if view == 'local' else (0.25, 1.0)
    shares, transform, image = [], MultiCrop(**SMALL), np.zeros((400, 400, 3), np.uint8)

    def cut(image, box, size, mode):
        shares.append((box[2] - box[0]) * (box[3] - box[1]) / 400**2)
        return np.zeros((*size, 3), np.uint8)

    monkeypatch.setattr('mmmask.datasets.transforms.pixels.crop_and_resize', cut)
    for _ in range(300):
        transform.draw(getattr(transform, view), image)
    tolerance = 0.01 * high  # sides are whole pixels
    assert low - tolerance <= min(shares) < low + 0.1 * (high - low)
    assert high - 0.2 * (high - low) < max(shares) <= high + tolerance


def test_colours_change_in_every_order(monkeypatch):
    orders, names = [], ('brightness', 'contrast', 'saturation', 'hue')
    for name in names:
        target = f'adjust_{name}'
        note = lambda image, factor, name=name: orders[-1].append(name) or image  # noqa: E731
        monkeypatch.setattr(f'mmmask.datasets.transforms.pixels.{target}', note)
    transform, image = MultiCrop(**SMALL), photograph()
    for _ in range(2000):
        orders.append([])
        transform.draw(transform.local, image)
    jittered = [tuple(order) for order in orders if order]
    assert len(jittered) / 2000 == pytest.approx(0.8, abs=4 * 0.4 / np.sqrt(2000))
    assert len(set(jittered)) == 24 and all(sorted(order) == sorted(names) for order in jittered)


def test_registered_and_printable():
    transform = TRANSFORMS.build(dict(type='MultiCrop', **SMALL))
    assert 'x 3' in repr(transform) and 'solarize_prob=0.2' in repr(transform)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(global_size=0), 'MultiCrop got sizes 0'),
        (dict(local_size=-1), 'MultiCrop got sizes'),
        (dict(num_local=-1), '-1 local views'),
        (dict(color_jitter=(0.4, 0.4, 0.2)), 'four numbers of 0 to 1'),
        (dict(color_jitter=(1.4, 0.4, 0.2, 0.1)), 'four numbers of 0 to 1'),
        (dict(global_scale=(0.5, 0.2)), 'global_scale must be a range'),
        (dict(global_scale=(0.5,)), 'global_scale must be a range'),
        (dict(local_scale=(0.0, 0.2)), 'local_scale must be a range'),
        (dict(local_scale=(0.1, 1.2)), 'local_scale must be a range'),
        (dict(interpolation='nearest'), "'bicubic' or 'bilinear', got 'nearest'"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(ValueError, match=message):
        MultiCrop(**options)
