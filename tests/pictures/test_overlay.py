import numpy as np
import pytest

from mmmask.pictures import enlarge, overlay_heat, overlay_mask
from mmmask.pictures.overlay import to_pixels


def test_overlay_mask_covers_whole_patches_only():
    image = np.full((4, 4, 3), 100, np.uint8)
    mask = np.array([[True, False], [False, False]])
    result = overlay_mask(image, mask, color=(0, 200, 100), alpha=0.75)
    # 0.25 * 100 + 0.75 * (0, 200, 100) = (25, 175, 100)
    assert (result[:2, :2] == (25, 175, 100)).all()
    assert (result[2:] == 100).all() and (result[:, 2:] == 100).all()
    assert (image == 100).all()
    with pytest.raises(ValueError, match='no grid of 2 x 3'):
        overlay_mask(image, np.zeros((2, 3), bool))
    with pytest.raises(ValueError, match='alpha'):
        overlay_mask(image, mask, alpha=2)


def test_to_pixels_is_row_major():
    assert to_pixels(np.array([[1, 2]]), (2, 4)).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_overlay_heat_spans_the_colours():
    image = np.full((1, 2, 3), 200, np.uint8)
    grey = overlay_heat(image, np.array([[5.0, 7.0]]), alpha=0.5, colormap='gray')
    # 0.5 * 200 + 0.5 * (0 and 255), half to even: 100 and 227.5
    assert grey[0, 0].tolist() == [100] * 3 and grey[0, 1].tolist() == [228] * 3
    flat = overlay_heat(image, np.array([[3.0, 3.0]]), alpha=1.0, colormap='gray')
    assert (flat == 0).all()
    with pytest.raises(ValueError, match='finite'):
        overlay_heat(image, np.array([[np.nan, 1.0]]))


def test_enlarge_keeps_the_shape():
    assert enlarge(np.zeros((10, 20, 3), np.uint8), 60).shape == (30, 60, 3)
