import numpy as np
import pytest

from mmmask.pictures import draw_instances, draw_segmentation

RED, BLUE = (200, 0, 0), (0, 0, 100)


def test_a_box_is_an_outline():
    image = np.zeros((5, 6, 3), np.uint8)
    result = draw_instances(image, np.array([[1.5, 1.0, 4.0, 3.9]]), [RED])
    drawn = (result == RED).all(axis=-1).astype(int).tolist()
    assert drawn == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 1, 0, 0, 1, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    outside = draw_instances(image, np.array([[-3.0, -3.0, 9.0, 9.0]]), [RED], width=2)
    assert (outside == RED).all(axis=-1).sum() == 30 - 2  # all but the inner 1 x 2


def test_the_first_mask_lies_on_top():
    image = np.full((1, 3, 3), 100, np.uint8)
    masks = np.array([[[1, 1, 0]], [[0, 1, 1]]], bool)
    boxes = np.zeros((2, 4)) + [[0, 0, -1, -1]]  # clipped to the pixel (0, 0)
    result = draw_instances(image, boxes, [RED, BLUE], masks, alpha=0.5)
    assert result[0, 2].tolist() == [50, 50, 100]  # half of 100, half of blue
    assert result[0, 1].tolist() == [125, 25, 50]  # then half of that, half of red
    assert result[0, 0].tolist() == list(RED)


def test_labels_are_written_near_the_box():
    image = np.zeros((60, 120, 3), np.uint8)
    result = draw_instances(image, np.array([[10, 20, 110, 50]]), [(250, 250, 250)], labels=['x'])
    plate = result[21:30, 11:18]
    assert (plate == 250).any() and (plate == 0).any() and (result[:15] == 0).all()
    none = draw_instances(image, np.zeros((0, 4)), [], np.zeros((0, 60, 120), bool))
    assert (none == 0).all()
    with pytest.raises(ValueError, match='1 boxes, but 2 labels'):
        draw_instances(image, np.zeros((1, 4)), [RED], labels=['a', 'b'])


def test_segmentation_by_hand():
    image = np.full((1, 3, 3), 100, np.uint8)
    result = draw_segmentation(image, np.array([[0, 1, 255]]), [RED, BLUE], alpha=0.5)
    assert result.tolist() == [[[150, 50, 50], [50, 50, 100], [100, 100, 100]]]
    assert (draw_segmentation(image, np.full((1, 3), 255), [RED]) == 100).all()
    with pytest.raises(ValueError, match='neither 0 ... 0 nor 255'):
        draw_segmentation(image, np.array([[0, 1, 255]]), [RED])
    with pytest.raises(ValueError, match='labels of'):
        draw_segmentation(image, np.zeros((2, 2), int), [RED])
