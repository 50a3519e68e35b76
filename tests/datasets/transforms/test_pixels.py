"""Each operation equals its reference on the same parameters, within what its docstring states."""

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps
from scipy.ndimage import gaussian_filter
from skimage import data
from torchvision.transforms import RandomResizedCrop, functional
from torchvisions import resized_crop

from mmmask.datasets.transforms import pixels

PHOTOGRAPH = np.ascontiguousarray(data.astronaut()[:160, 120:280])
NOISE = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)


def bgr(image):
    return np.ascontiguousarray(image[..., ::-1])


def difference(ours, reference) -> int:
    """Largest difference of a BGR array from a Pillow image."""
    return int(np.abs(bgr(ours).astype(int) - np.asarray(reference).astype(int)).max())


@pytest.mark.parametrize('image', [PHOTOGRAPH, NOISE], ids=['photograph', 'noise'])
class TestReferences:
    @pytest.mark.parametrize('factor', [0.6, 0.93, 1.0, 1.4])
    def test_colours(self, image, factor):
        picture = Image.fromarray(image)
        for name, tolerance in (('brightness', 0), ('contrast', 1), ('saturation', 2)):
            adjust = f'adjust_{name}'
            ours = getattr(pixels, adjust)(bgr(image), factor)
            assert difference(ours, getattr(functional, adjust)(picture, factor)) <= tolerance

    def test_grey_and_solarisation(self, image):
        picture = Image.fromarray(image)
        grey = functional.to_grayscale(picture, num_output_channels=3)
        assert difference(pixels.to_grey(bgr(image)), grey) <= 1
        assert difference(pixels.solarize(bgr(image)), ImageOps.solarize(picture)) == 0

    @pytest.mark.parametrize('sigma', [0.1, 0.249, 0.5, 1.0, 2.0])
    def test_blur(self, image, sigma):
        values = image.astype(np.float64)
        exact = gaussian_filter(values, (sigma, sigma, 0), mode='nearest', radius=8)
        pillow = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(sigma)))
        blurred = bgr(pixels.blur(bgr(image), sigma))
        assert np.abs(blurred - exact).max() <= 2
        assert np.abs(blurred - exact).mean() <= max(np.abs(pillow - exact).mean(), 0.5)

    @pytest.mark.parametrize('mode', ['bicubic', 'bilinear'])
    @pytest.mark.parametrize('box', [(3, 5, 36, 31), (0, 0, 40, 48), (7, 2, 19, 11)])
    def test_crop_and_resize(self, image, box, mode):
        reference = resized_crop(image, box, [20, 16], mode)
        ours = pixels.crop_and_resize(bgr(image), box, (20, 16), mode)
        assert ours.shape == (20, 16, 3) and ours.flags.c_contiguous and ours.flags.writeable
        assert difference(ours, reference) <= 1


def test_a_large_photograph_shrinks_as_by_pillow():
    large = np.kron(PHOTOGRAPH, np.ones((15, 15, 1), np.uint8)) ^ np.uint8(1)
    reference = Image.fromarray(large).resize((96, 96), Image.Resampling.BICUBIC)
    ours = pixels.crop_and_resize(bgr(large), (0, 0, 2400, 2400), (96, 96))
    assert difference(ours, reference) <= 1


def exact_hue(image, shift):
    """Turn every pixel's hue by Python's colorsys, in float64."""
    result = np.empty(image.shape)
    for place in np.ndindex(image.shape[:2]):
        hue, saturation, value = colorsys.rgb_to_hsv(*(image[place] / 255))
        result[place] = colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value)
    return result * 255


@pytest.mark.parametrize('shift', [-0.1, -0.02, 0.05, 0.1])
def test_hue(shift):
    image = PHOTOGRAPH[:40, :40]
    exact = exact_hue(image, shift)
    ours = np.abs(bgr(pixels.adjust_hue(bgr(image), shift)) - exact)
    reference = np.asarray(functional.adjust_hue(Image.fromarray(image), shift))
    theirs = np.abs(reference - exact)
    assert ours.max() <= 8
    assert ours.mean() <= theirs.mean() + 0.3  # a bias of rounding
    assert pixels.adjust_hue(bgr(image), 0.0).shape == image.shape


def test_boxes_follow_torchvisions_law():
    np.random.seed(0)
    scale, times, (height, width) = (0.25, 1.0), 4000, (375, 500)
    boxes = np.array([pixels.draw_box(height, width, scale) for _ in range(times)])
    sides = np.stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]], axis=1)
    assert (boxes >= 0).all() and (boxes[:, 2] <= width).all() and (boxes[:, 3] <= height).all()
    image = Image.new('RGB', (width, height))
    theirs = np.array(
        [RandomResizedCrop.get_params(image, scale, (3 / 4, 4 / 3)) for _ in range(times)]
    )
    for ours, reference in (
        (sides.prod(axis=1), theirs[:, 2] * theirs[:, 3]),
        (sides[:, 0] / sides[:, 1], theirs[:, 3] / theirs[:, 2]),
        (boxes[:, 0], theirs[:, 1]),
        (boxes[:, 1], theirs[:, 0]),
    ):
        error = np.hypot(ours.std(), reference.std()) / np.sqrt(times)
        assert ours.mean() == pytest.approx(reference.mean(), abs=4 * error)
        assert ours.std() == pytest.approx(reference.std(), rel=0.06)


@pytest.mark.parametrize(
    ('size', 'box'), [((10, 100), (43, 0, 56, 10)), ((100, 10), (0, 44, 10, 57))]
)
def test_a_box_that_never_fits_is_the_largest_in_the_middle(size, box):
    # Of 10 x 100 pixels half the area can't have an allowed ratio: 10 x 13 1/3 is the largest.
    drawn = pixels.draw_box(*size, scale=(0.5, 1.0))
    assert drawn[2] - drawn[0] == box[2] - box[0] and drawn[3] - drawn[1] == box[3] - box[1]
    assert abs(drawn[0] - box[0]) <= 1 and abs(drawn[1] - box[1]) <= 1
