"""The box follows torchvision's law (see test_pixels), the values are torchvision's."""

import random

import numpy as np
import pytest
from mmpretrain.registry import TRANSFORMS
from skimage import data
from torchvisions import resized_crop

from mmmask.datasets.transforms import ResizedCrop, pixels


@pytest.mark.parametrize('mode', ['bicubic', 'bilinear'])
def test_a_view_is_torchvisions_of_the_same_box(mode):
    image = np.ascontiguousarray(data.astronaut()[:100, 100:220])
    random.seed(0)
    box = pixels.draw_box(100, 120, (0.2, 0.9))
    reference = resized_crop(image, box, [32, 32], mode)
    random.seed(0)
    crop = TRANSFORMS.build(
        dict(
            type='ResizedCrop',
            scale=32,
            crop_ratio_range=(0.2, 0.9),
            interpolation=mode,
        )
    )
    results = crop(dict(img=image, img_shape=(100, 120), gt_label=3))
    assert results['img_shape'] == (32, 32) and results['gt_label'] == 3
    difference = np.abs(results['img'].astype(int) - np.asarray(reference))
    assert difference.max() <= 1 and difference.mean() < 0.05
    assert mode in repr(crop)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(scale=0), 'at least 1, got 0'),
        (dict(scale=8, crop_ratio_range=(0.0, 1.0)), 'crop_ratio_range must be a range'),
        (dict(scale=8, interpolation='area'), "'bicubic' or 'bilinear', got 'area'"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(ValueError, match=message):
        ResizedCrop(**options)
