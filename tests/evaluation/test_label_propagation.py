"""Label propagation against a naive loop of DINO's evaluation, and DAVIS's statistics by hand."""

import math

import numpy as np
import pytest
import torch

from mmmask.evaluation.davis import LabelPropagation, frame_size, harden, score_objects, summarise
from mmmask.evaluation.patch_grid import patch_grid
from mmmask.utils.errors import UserError


def cosine(a, b):
    length = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b)) / length


def naive_track(frames, first, grid, context, topk, radius, temperature):
    """Label patch after patch, in Python's own numbers."""
    done = [(frames[0], first)]
    for frame in frames[1:]:
        sources = [done[0], *done[1:][-context:]]
        labels = []
        for i, query in enumerate(frame):
            weights = []
            for features, known in sources:
                for j, key in enumerate(features):
                    rows = abs(i // grid[1] - j // grid[1])
                    columns = abs(i % grid[1] - j % grid[1])
                    if radius == 0 or max(rows, columns) <= radius:
                        weights.append((math.exp(cosine(query, key) / temperature), known[j]))
            weights.sort(key=lambda pair: -pair[0])
            weights = weights[:topk]
            total = sum(weight for weight, _ in weights)
            labels.append([sum(w * k[n] for w, k in weights) / total for n in range(len(first[0]))])
        done.append((frame, labels))
    return [labels for _, labels in done[1:]]


@pytest.mark.parametrize(
    'context, topk, radius', [(7, 5, 12), (2, 5, 1), (1, 3, 2), (3, 1, 0), (2, 100, 1)]
)
def test_propagation_equals_a_naive_loop(context, topk, radius, monkeypatch):
    monkeypatch.setattr('mmmask.evaluation.davis.CHUNK', 5)
    generator = torch.Generator().manual_seed(0)
    grid, temperature = (3, 4), 0.1
    frames = torch.randn(6, 12, 5, generator=generator, dtype=torch.float64)
    first = torch.eye(3, dtype=torch.float64)[torch.randint(0, 3, (12,), generator=generator)]
    propagation = LabelPropagation(context, topk, radius, temperature)
    found = torch.stack(list(propagation.track(frames, first, grid)))
    expected = naive_track(
        frames.tolist(), first.tolist(), grid, context, topk, radius, temperature
    )
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12
    )


def test_equal_neighbours_all_count():
    """As in DINO's code: what equals the k-th stays, and weights are normalised over all kept."""
    features = torch.full((1, 4, 4), 0.5, dtype=torch.float64)  # all cosines are 1
    labels = torch.eye(2, dtype=torch.float64)[[0, 1, 1, 1]][None]
    found = LabelPropagation(topk=1).propagate(features[0], features, labels, (2, 2))
    assert found.tolist() == [[0.25, 0.75]] * 4


def test_each_label_is_stretched_before_the_largest_wins():
    """An object of at most 0.4 wins where its stretched map exceeds the background's."""
    labels = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0]])
    # stretched: background 1, 0; object 0, 1; the third label is 0 everywhere
    assert harden(labels, (1, 2), (1, 2)).tolist() == [[0, 1]]
    # twice as wide: maps at -0.25, 0.25, 0.75, 1.25 of the two patches
    assert harden(labels, (1, 2), (2, 4)).tolist() == [[0, 0, 1, 1]] * 2


def test_the_background_wins_when_no_object_is_left():
    labels = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert harden(labels, (1, 2), (2, 2)).tolist() == [[0, 0]] * 2


def test_objects_are_measured_one_by_one():
    """Object 1 is right, object 2 disappears in frame 2, object 3 is never found."""
    truth = np.zeros((2, 6, 6), np.uint8)
    truth[:, :2, :2], truth[0, 4:, 4:], truth[:, 4:, :2] = 1, 2, 3
    found = truth.copy()
    found[found == 3] = 0
    found[1, 4:, 4:] = 2
    jaccard, boundary = score_objects(found, truth, 3, 0.008)
    assert jaccard.tolist() == boundary.tolist() == [[1, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize(
    'values, expected',
    [
        # parts 1-2, 2-3, 3-4, 4-5 of five frames: (1 + 0.8) / 2 - (0.4 + 0.2) / 2
        ([1.0, 0.8, 0.6, 0.4, 0.2], (0.6, 0.6, 0.6)),
        # ten frames: ends round(1, 3.25, 5.5, 7.75, 10) = 1, 3, 6, 8, 10
        ([1, 1, 1, 0, 0, 0, 0, 0.5, 0.5, 0.6], (0.46, 0.4, 1 - 1.6 / 3)),
        ([0.75], (0.75, 1, 0)),
    ],
)
def test_statistics_of_an_object(values, expected):
    assert summarise(np.array(values)) == pytest.approx(expected)


def test_the_size_of_frames():
    assert frame_size(480, 854, 480, 64) == (480, 832)  # 13 x 64
    assert frame_size(1920, 1080, 480, 64) == (832, 480)  # 853 is 13.3 x 64
    assert frame_size(480, 910, 480, 64) == (480, 896)
    assert frame_size(480, 854, 480, 16) == (480, 848)
    assert frame_size(100, 100, 480, 64) == (480, 480)


def test_the_grid_of_patches():
    assert patch_grid(30 * 52, 480, 832) == (30, 52)
    assert patch_grid(12, 12, 16) == (3, 4)
    for length, height, width in [(30 * 52, 480, 854), (29 * 52, 480, 832), (7, 10, 10)]:
        with pytest.raises(UserError, match='do not fill an image'):
            patch_grid(length, height, width)
