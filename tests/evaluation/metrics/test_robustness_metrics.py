"""Robustness' metrics against hand-worked answers."""

import math

import pytest
import torch

from mmmask.evaluation.metrics import mean_corruption_error, top1
from mmmask.evaluation.metrics.corruption_error import ALEXNET
from mmmask.evaluation.metrics.top1 import best_class


def test_only_some_classes_compete():
    scores = torch.tensor([[0.1, 0.9, 0.3], [0.5, 0.2, 0.5], [0.0, math.nan, 0.0]])
    assert best_class(scores).tolist() == [1, 0, -1]  # of equal ones the lower
    assert best_class(scores, [2, 0]).tolist() == [2, 0, -1]
    assert best_class(scores, [1]).tolist() == [1, 1, -1]
    assert best_class(scores[:, None].expand(3, 2, 3), {2}).shape == (3, 2)


def test_one_right_class_or_several():
    assert top1([0, 1, 2, -1], [0, 1, 1, 3]) == 50
    # ReaL: any of the labels is right; an image without any is left out
    assert top1(torch.tensor([0, 1, 2, 3]), [(0, 5), (2,), (), [3]]) == pytest.approx(200 / 3)
    assert math.isnan(top1([0], [()]))
    with pytest.raises(ValueError, match='longer'):
        top1([0], [1, 2])


def test_coarse_classes():
    """Classes 0 and 2 are coarse class 1, 1 is 0, 3 is none; -1 is not the last one's."""
    class_map = [1, 0, 1, -1]
    assert top1([0, 2, 1, 3, -1], [1, 1, 1, 1, 1], class_map) == pytest.approx(40)
    assert top1([3, -1], [-1, -1], class_map) == 0


def test_corruption_errors():
    accuracy = dict(fog=[80, 60], snow=[50, 30])  # errors of 30 and 60
    assert mean_corruption_error(accuracy) == 45
    assert mean_corruption_error(accuracy, dict(fog=60, snow=80)) == pytest.approx(62.5)
    of_images = dict(fog=[[100, 60], [40, 80]], snow=[[0, 100], [60, 0]])  # of two images
    assert mean_corruption_error(of_images).tolist() == [(30 + 70) / 2, (30 + 50) / 2]
    with pytest.raises(ValueError, match='no error of fog'):
        mean_corruption_error(accuracy, dict(snow=1))
    assert len(ALEXNET) == 15
    # AlexNet itself has an mCE of 100.
    own = {name: [100 - error] * 5 for name, error in ALEXNET.items()}
    assert mean_corruption_error(own, ALEXNET) == pytest.approx(100)
