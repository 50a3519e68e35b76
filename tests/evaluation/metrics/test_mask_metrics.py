"""J and F of masks against answers by hand, naive loops and the official rules."""

import math

import numpy as np
import pytest

from mmmask.evaluation.metrics import boundary_f, region_jaccard


def rectangle(shape, top, left, bottom, right):
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


EMPTY = np.zeros((20, 30), bool)
WHOLE = ~EMPTY
SQUARE = rectangle((20, 30), 5, 5, 15, 15)
BOTH = [region_jaccard, boundary_f]


def naive_boundary(mask):
    """The official rule, pixel by pixel."""
    rows, columns = mask.shape
    found = set()
    for i in range(rows):
        for j in range(columns):
            if i == rows - 1 and j == columns - 1:
                others = []
            elif i == rows - 1:
                others = [mask[i, j + 1]]
            elif j == columns - 1:
                others = [mask[i + 1, j]]
            else:
                others = [mask[i, j + 1], mask[i + 1, j], mask[i + 1, j + 1]]
            if any(other != mask[i, j] for other in others):
                found.add((i, j))
    return found


def naive_f(mask, truth, tolerance):
    radius = tolerance
    if tolerance < 1:
        radius = math.ceil(tolerance * math.sqrt(mask.shape[0] ** 2 + mask.shape[1] ** 2))
    ours, theirs = naive_boundary(mask), naive_boundary(truth)

    def share(points, others):
        near = [any((i - p) ** 2 + (j - q) ** 2 <= radius**2 for p, q in others) for i, j in points]
        return sum(near) / len(near)

    precision, recall = share(ours, theirs), share(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0


def test_jaccard_by_hand():
    other = rectangle((20, 30), 5, 10, 15, 20)  # half of each: 50 shared, 150 covered
    assert region_jaccard(SQUARE, other) == pytest.approx(1 / 3)
    assert region_jaccard(SQUARE, WHOLE) == pytest.approx(100 / 600)


@pytest.mark.parametrize('metric', BOTH)
def test_empty_masks(metric):
    """An object that disappears: 1 if nothing is predicted, else 0."""
    assert metric(EMPTY, EMPTY) == 1
    for mask in (SQUARE, WHOLE):
        assert metric(mask, mask) == 1
        assert metric(mask, EMPTY) == metric(EMPTY, mask) == 0


@pytest.mark.parametrize('metric', BOTH)
def test_one_pixel(metric):
    pixel, far = EMPTY.copy(), EMPTY.copy()
    pixel[4, 6] = far[12, 20] = True
    assert metric(pixel, pixel) == 1
    assert metric(pixel, far) == 0


def test_a_pixel_beside_another():
    """Boundaries of one pixel at (4, 6): itself, and its left, upper and upper left neighbour."""
    one, other = EMPTY.copy(), EMPTY.copy()
    one[4, 6] = other[4, 8] = True  # boundaries in columns 5, 6 and in columns 7, 8
    assert naive_boundary(one) == {(3, 5), (3, 6), (4, 5), (4, 6)}
    assert region_jaccard(one, other) == 0
    assert boundary_f(one, other, tolerance=1) == pytest.approx(0.5)  # columns 6 and 7 touch
    assert boundary_f(one, other, tolerance=2) == 1
    assert boundary_f(one, other, tolerance=0) == 0


def test_a_mask_of_the_whole_image_has_no_boundary():
    assert boundary_f(WHOLE, SQUARE) == boundary_f(SQUARE, WHOLE) == 0


def test_the_tolerance_is_rounded_up():
    """Diagonal of 300 x 400: 500. 0.8 % are 4 pixels, 0.81 % are 4.05: 5."""
    one = rectangle((300, 400), 100, 100, 200, 200)
    moved = rectangle((300, 400), 105, 105, 205, 205)
    assert boundary_f(one, moved, 0.0081) > boundary_f(one, moved) > 0
    assert boundary_f(one, moved, 0.0081) == boundary_f(one, moved, 5)
    assert boundary_f(one, moved) == boundary_f(one, moved, 4)


@pytest.mark.parametrize('seed', range(8))
def test_equals_naive_loops(seed):
    generator = np.random.default_rng(seed)
    shape = (9 + seed, 17 - seed)
    mask, truth = generator.random((2, *shape)) < generator.uniform(0.05, 0.95, (2, 1, 1))
    shared = covered = 0
    for a, b in zip(mask.flat, truth.flat, strict=True):
        shared, covered = shared + (a and b), covered + (a or b)
    assert region_jaccard(mask, truth) == pytest.approx(shared / covered, abs=1e-12)
    for tolerance in (0, 0.008, 0.1, 1, 2):
        expected = naive_f(mask, truth, tolerance)
        assert boundary_f(mask, truth, tolerance) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('metric', BOTH)
@pytest.mark.parametrize('other', [SQUARE.astype(int), SQUARE[1:], SQUARE[None]])
def test_other_arrays_are_refused(metric, other):
    with pytest.raises(ValueError, match='boolean'):
        metric(SQUARE, other)
