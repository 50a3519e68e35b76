"""Attention against objects, on grids small enough to count."""

import numpy as np
import pytest
import torch

from mmmask.evaluation.metrics import (
    attended,
    attention_jaccard,
    box_found,
    largest_component_box,
    point_hit,
)
from mmmask.utils.errors import DivergedError


@pytest.mark.parametrize(
    'attention, mass, kept',
    [
        ([0.5, 0.2, 0.2, 0.1], 0.6, [1, 1, 0, 0]),  # 0.5 isn't enough; the first of equals
        ([0.1, 0.6, 0.3, 0.0], 0.6, [0, 1, 0, 0]),  # exactly enough
        ([0.1, 0.6, 0.3, 0.0], 1.0, [1, 1, 1, 0]),  # no patch without attention
        ([0.2, 0.2, 0.2, 0.2, 0.2], 0.6, [1, 1, 1, 0, 0]),  # equal shares: three of five
        ([2.0, 1.0, 1.0, 0.0], 0.6, [1, 1, 0, 0]),  # a row is divided by its sum
        ([0.0, 0.0], 0.6, [0, 0]),
    ],
)
def test_the_mass_that_is_kept(attention, mass, kept):
    assert attended(np.array(attention), mass).tolist() == [bool(one) for one in kept]


def test_the_mass_as_the_published_loop_keeps_it():
    """Naseer et al. sort rising, and keep what lies above 1 - mass of the sum."""
    rows = torch.rand(5, 3, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.zeros_like(rows, dtype=torch.bool)
    for row, marks in zip(rows.view(-1, 16), expected.view(-1, 16)):
        summed = 0.0
        for place in sorted(range(16), key=lambda i: float(row[i])):
            summed += float(row[place] / row.sum())
            marks[place] = summed > 1 - 0.6
    assert torch.equal(attended(rows), expected)


def test_bad_attention():
    with pytest.raises(DivergedError, match='attention weights are not finite'):
        attended(np.array([np.nan, 1.0]))
    with pytest.raises(ValueError, match='mass must be in'):
        attended(np.array([1.0]), 0.0)


def test_jaccard_of_heads_and_objects():
    left = np.array([[1, 0], [1, 0]], bool)
    top = np.array([[1, 1], [0, 0]], bool)
    pixel = np.array([[0, 0], [0, 1]], bool)
    empty = np.zeros((2, 2), bool)
    found = attention_jaccard(np.stack([left, empty]), np.stack([top, left, pixel, empty]))
    np.testing.assert_allclose(found, [[1 / 3, 1, 0, 0], [0, 0, 0, 1]])
    # The best head for each object, then the mean.
    best = attention_jaccard(np.stack([left, pixel]), np.stack([top, pixel])).max(axis=0).mean()
    assert best == pytest.approx((1 / 3 + 1) / 2)
    assert attention_jaccard(left[None], np.zeros((0, 2, 2), bool)).shape == (1, 0)


def test_the_pointing_game():
    objects = np.zeros((8, 8), bool)
    objects[0, 7] = True  # one pixel
    attention = np.array([[0.1, 0.4], [0.4, 0.1]])  # of equal patches the first: centre (2, 6)
    assert not point_hit(attention, objects, tolerance=0)
    assert not point_hit(attention, objects, tolerance=2.2)
    assert point_hit(attention, objects, tolerance=2.24)  # the square root of 2^2 + 1^2
    assert point_hit(attention, objects)  # 15 pixels are the whole image
    objects[2, 6] = True
    assert point_hit(attention, objects, tolerance=0)
    assert not point_hit(attention, np.zeros((8, 8), bool))


def test_the_largest_component():
    mask = np.array(
        [
            [1, 0, 0, 1],
            [1, 0, 1, 0],  # corners don't connect
            [1, 0, 1, 1],
        ],
        bool,
    )
    assert largest_component_box(mask).tolist() == [0, 0, 1, 3]  # three patches; the first of two
    mask[0, 0] = False
    assert largest_component_box(mask).tolist() == [2, 1, 4, 3]
    assert largest_component_box(np.zeros((2, 2), bool)) is None


def test_an_object_is_found_by_half():
    boxes = np.array([[0.0, 0.0, 4.0, 4.0], [10.0, 10.0, 12.0, 12.0]])
    assert box_found(np.array([0.0, 0.0, 4.0, 2.0]), boxes)  # 8 / 16, exactly a half
    assert not box_found(np.array([0.0, 0.0, 4.0, 1.9]), boxes)
    assert box_found(np.array([10.0, 10.0, 12.0, 13.0]), boxes)  # the second object: 4 / 6
    assert not box_found(np.array([4.0, 0.0, 8.0, 4.0]), boxes)  # edges touch
    assert not box_found(None, boxes)
    assert not box_found(boxes[0], np.zeros((0, 4)))
