"""Draws of a few images of each class, by hand."""

import pytest
import torch

from mmmask.evaluation.few_shot import draw_few, mean_and_spread
from mmmask.utils.errors import UserError

LABELS = torch.tensor([2, 0, 0, 2, 1, 0, 2, 1, 1, 0])


@pytest.mark.parametrize('shots', [1, 2, 3])
def test_each_class_gives_as_many(shots):
    for draw in range(5):
        rows = draw_few(LABELS, shots, 0, draw)
        assert LABELS[rows].bincount().tolist() == [shots] * 3
        assert rows.tolist() == sorted(set(rows.tolist()))


def test_draws_are_seeded_differ_and_hold_smaller_ones():
    draws = [draw_few(LABELS, 2, 7, draw).tolist() for draw in range(20)]
    assert draws == [draw_few(LABELS.tolist(), 2, 7, draw).tolist() for draw in range(20)]
    assert len(set(map(tuple, draws))) > 10
    assert draws != [draw_few(LABELS, 2, 8, draw).tolist() for draw in range(20)]
    assert {row for rows in draws for row in rows} == set(range(10))  # every image has a chance
    for draw, rows in enumerate(draws):
        assert set(draw_few(LABELS, 1, 7, draw).tolist()) < set(rows)


def test_too_few_images_are_an_error():
    with pytest.raises(UserError, match='class 1 has 3 images, fewer than 4 shots'):
        draw_few(torch.tensor([0, 0, 0, 0, 1, 1, 1]), 4, 0, 0)


def test_mean_and_sample_deviation():
    # (1 + 2 + 6) / 3 = 3; (4 + 1 + 9) / 2 = 7.
    found = mean_and_spread([dict(a=1.0), dict(a=2.0), dict(a=6.0)])
    assert found == dict(a=3.0, a_std=pytest.approx(7**0.5, rel=1e-15))
    assert mean_and_spread([dict(a=1.5)]) == dict(a=1.5)
