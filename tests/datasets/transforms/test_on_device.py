"""The device does to batches what workers do to single images, with the same draws."""

import colorsys
import random

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmpretrain.datasets import PackInputs
from mmpretrain.registry import MODELS
from scipy.ndimage import gaussian_filter
from skimage import data
from tiny_network import SELF_DISTILLATION
from torchvision.transforms import functional

from mmmask.datasets.transforms import AugmentingDataPreprocessor, MultiCrop
from mmmask.datasets.transforms.on_device import change_colours, pack_colours

PHOTOGRAPH = np.ascontiguousarray(data.astronaut()[:96, 150:246])  # RGB
NORMALISATION = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
SMALL = dict(global_size=32, local_size=16, num_local=3)


def changed(*colours):
    """Change the photograph's colours in each way, in one batch; RGB in float64."""
    bgr = torch.from_numpy(PHOTOGRAPH[..., ::-1].copy()).permute(2, 0, 1)
    batch = bgr.expand(len(colours), *bgr.shape)
    (images,) = change_colours([batch], pack_colours(colours)[:, None])
    assert images.dtype == torch.float32
    return list(images.flip(1).permute(0, 2, 3, 1).double().numpy())


def by_torchvision(name, value):
    """Let torchvision change it as floats, where nothing is rounded, with its weights of grey."""
    unit = torch.from_numpy(PHOTOGRAPH).permute(2, 0, 1).double() / 255
    return getattr(functional, name)(unit, value).permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize('name', ['brightness', 'contrast', 'saturation', 'hue'])
def test_jitter_is_torchvisions(name):
    name = f'adjust_{name}'
    values = [-0.1, -0.03, 0.02, 0.1] if name == 'adjust_hue' else [0.6, 0.93, 1.0, 1.4]
    for value, ours in zip(values, changed(*[[(name, value)] for value in values])):
        # torchvision's grey has 0.2989 of red, Pillow's and ours 0.299
        np.testing.assert_allclose(ours, by_torchvision(name, value), atol=0.03)


def test_hue_is_exact():
    (ours,) = changed([('adjust_hue', 0.3)])
    for place in [(0, 0), (20, 50), (60, 30), (90, 90)]:
        hue, saturation, value = colorsys.rgb_to_hsv(*(PHOTOGRAPH[place] / 255))
        exact = np.array(colorsys.hsv_to_rgb((hue + 0.3) % 1, saturation, value)) * 255
        np.testing.assert_allclose(ours[place], exact, atol=1e-3)


def test_grey_and_solarisation():
    grey, inverted = changed([('to_grey',)], [('solarize',)])
    exact = PHOTOGRAPH @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey, np.stack([exact] * 3, axis=-1), atol=1e-3)
    np.testing.assert_array_equal(
        inverted, np.where(PHOTOGRAPH < 128, PHOTOGRAPH, 255 - PHOTOGRAPH)
    )


def test_each_image_has_a_blur_of_its_own():
    sigmas = [0.0, 0.1, 0.5, 1.0, 2.0]
    for sigma, ours in zip(sigmas, changed(*[[('blur', sigma)] for sigma in sigmas])):
        exact = PHOTOGRAPH.astype(float)
        if sigma:
            exact = gaussian_filter(exact, (sigma, sigma, 0), mode='nearest', radius=8)
        np.testing.assert_allclose(ours, exact, atol=0.02)


def test_operations_keep_each_images_order():
    light, dark = ('adjust_brightness', 1.4), ('adjust_contrast', 0.6)
    first, second, untouched = changed([light, dark], [dark, light], [])
    np.testing.assert_array_equal(untouched, PHOTOGRAPH)
    bright = np.minimum(PHOTOGRAPH * 1.4, 255)
    mean = (bright @ np.array([0.299, 0.587, 0.114])).mean()
    np.testing.assert_allclose(first, mean + 0.6 * (bright - mean), atol=1e-3)
    mean = (PHOTOGRAPH @ np.array([0.299, 0.587, 0.114])).mean()
    flat = mean + 0.6 * (PHOTOGRAPH - mean)
    np.testing.assert_allclose(second, np.minimum(flat * 1.4, 255), atol=1e-3)


def batch(colours, count=24, **options):
    """Draw a batch, and return it with the generator's state after it."""
    random.seed(0)
    transform = MultiCrop(**{**SMALL, **options}, colours=colours)
    image = np.ascontiguousarray(PHOTOGRAPH[..., ::-1])
    samples = [PackInputs()(transform(dict(img=image))) for _ in range(count)]
    return default_collate(samples), random.getstate()


@pytest.mark.parametrize(
    ('hue', 'mean', 'largest'),
    [(0.0, 1, 4), (0.1, 1.2, 16)],  # workers round after each operation, most often down
)
def test_views_are_the_workers_to_rounding(hue, mean, largest):
    options = dict(color_jitter=(0.4, 0.4, 0.2, hue))
    (theirs, after), (ours, too) = batch('workers', **options), batch('device', **options)
    assert after == too  # the same was drawn: one law
    assert all(view.dtype == torch.uint8 for view in ours['inputs'][:-1])
    preprocessor = AugmentingDataPreprocessor(to_rgb=True)
    theirs, ours = (preprocessor(data, True)['inputs'] for data in (theirs, ours))
    assert [view.shape for view in ours] == [view.shape for view in theirs]
    for view, reference in zip(ours, theirs):
        difference = (view - reference).abs()
        assert difference.mean() < mean and difference.max() < largest


def test_mixed_precision_and_generators_stay_out():
    preprocessor = AugmentingDataPreprocessor(**NORMALISATION)
    data, _ = batch('device', count=4)
    states = torch.get_rng_state(), random.getstate()
    plain = preprocessor(data, True)['inputs']
    with torch.autocast('cpu', torch.bfloat16):
        mixed = preprocessor(data, True)['inputs']
    for view, other in zip(plain, mixed):
        assert other.dtype == torch.float32 and torch.equal(view, other)
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]


def test_other_batches_pass_as_in_mmpretrain():
    ours, theirs = (
        AugmentingDataPreprocessor(**NORMALISATION),
        MODELS.build(dict(type='SelfSupDataPreprocessor', **NORMALISATION)),
    )
    data, _ = batch('workers', count=2)
    single = dict(inputs=data['inputs'][0], data_samples=None)
    assert torch.equal(ours(single)['inputs'], theirs(single)['inputs'])
    for view, reference in zip(ours(data)['inputs'], theirs(data)['inputs'], strict=True):
        assert torch.equal(view, reference)


@pytest.mark.parametrize('num_local', [0, 2])
def test_a_plain_preprocessor_cannot_take_it(num_local):
    data, _ = batch('device', count=3, num_local=num_local)
    with pytest.raises((IndexError, RuntimeError)):
        MODELS.build(dict(type='SelfSupDataPreprocessor', **NORMALISATION))(data)


def test_a_model_trains_on_it():
    config = Config(SELF_DISTILLATION).to_dict()
    config['data_preprocessor']['type'] = 'AugmentingDataPreprocessor'
    model = MODELS.build(config)
    data, _ = batch('device', count=2, global_size=16, local_size=8)
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    assert torch.isfinite(losses['loss_cls'])
