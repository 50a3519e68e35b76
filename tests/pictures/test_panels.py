import numpy as np
import pytest

from mmmask.pictures import colour_bar, heat_map, magnify, paste


def test_magnify_repeats_pixels_and_never_shrinks():
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    result = magnify(image, 5)  # 5 / 2 = 2.5, which rounds to the even 2
    assert result.shape == (4, 6, 3)
    for y in range(4):
        for x in range(6):
            assert result[y, x].tolist() == image[y // 2, x // 2].tolist()
    assert magnify(image, 1).tolist() == image.tolist()


def test_heat_map_is_the_colours_alone():
    result = heat_map(np.array([[1.0, 3.0]]), (2, 4), colormap='gray')
    assert result[..., 0].tolist() == [[0, 0, 255, 255]] * 2


def test_paste_keeps_visible_pixels_exactly():
    image, prediction = np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 200, np.uint8)
    result = paste(image, prediction, np.array([[False, True], [True, False]]))
    rows = [[10, 10, 200, 200]] * 2 + [[200, 200, 10, 10]] * 2
    assert result[..., 1].tolist() == rows
    with pytest.raises(ValueError, match='but a prediction of'):
        paste(image, prediction[:2], np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match='no grid of 3 x 2'):
        paste(image, prediction, np.zeros((3, 2), bool))


def test_colour_bar_runs_from_low_to_high():
    bar = colour_bar(50, 'a', 'b', colormap='gray')
    middle = bar[bar.shape[0] // 2, :, 0].astype(int)
    ramp = np.linspace(0, 255, 50)
    starts = [x for x in range(len(middle) - 49) if np.abs(middle[x : x + 50] - ramp).max() <= 1]
    assert len(starts) == 1
    assert (bar[0] == 255).all() and (bar[-1] == 255).all()
