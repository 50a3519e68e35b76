"""Retrieval's metrics against hand-worked answers and naive loops."""

import math

import numpy as np
import pytest
import torch

from mmmask.evaluation.metrics import background_gap, recall_at_k, revisited_map
from mmmask.utils.errors import DivergedError


def ground_truth(easy=(), hard=(), junk=()):
    return dict(easy=list(easy), hard=list(hard), junk=list(junk))


def column(*order):
    return np.array(order)[:, None]


def test_a_query_by_hand():
    """Ranks 3 0 4 1 2; 0 is easy, 1 and 2 are hard, 3 is junk.

    Easy: only 0 and 4 stay, 0 comes first: (1 + 1) / 2 = 1.
    Medium: 0 4 1 2 stay, positives at 0, 2, 3: (1 + 1) / 2, (1/2 + 2/3) / 2, (2/3 + 3/4) / 2.
    Hard: 4 1 2 stay, positives at 1 and 2: (0 + 1/2) / 2 and (1/2 + 2/3) / 2.
    """
    found = revisited_map(column(3, 0, 4, 1, 2), [ground_truth([0], [1, 2], [3])])
    medium = (1 + (1 / 2 + 2 / 3) / 2 + (2 / 3 + 3 / 4) / 2) / 3
    hard = (1 / 4 + (1 / 2 + 2 / 3) / 2) / 2
    assert found == pytest.approx(dict(easy=100, medium=100 * medium, hard=100 * hard))


@pytest.mark.parametrize(
    ('lists', 'expected'),
    [
        (ground_truth([2]), (100 * (0 + 1 / 3) / 2,) * 2 + (math.nan,)),  # no junk, no hard
        (ground_truth([2], junk=[0, 1]), (100, 100, math.nan)),
        (ground_truth(junk=[0, 1, 2]), (math.nan,) * 3),  # only junk
        (ground_truth(), (math.nan,) * 3),
        (ground_truth(hard=[0, 1, 2]), (math.nan, 100, 100)),
        # 7 isn't among the ranks, so half of the recall is never reached
        (ground_truth([0, 7]), (50, 50, math.nan)),
    ],
)
def test_edges(lists, expected):
    found = revisited_map(column(0, 1, 2), [lists])
    assert tuple(found.values()) == pytest.approx(expected, nan_ok=True)
    assert tuple(found) == ('easy', 'medium', 'hard')


def test_queries_without_positives_are_left_out_of_the_mean():
    ranks = np.array([[0, 1], [1, 0]])
    found = revisited_map(ranks, [ground_truth([1]), ground_truth(junk=[0])])
    assert found == pytest.approx(dict(easy=25, medium=25, hard=math.nan), nan_ok=True)


def naive_map(ranks, relevant, positive, ignored):
    """The published loop: places are lowered by the junk in front of them."""
    total, count = 0.0, 0
    for q, lists in enumerate(relevant):
        ok = [i for name in positive for i in lists[name]]
        junk = [i for name in ignored for i in lists[name]]
        if not ok:
            continue
        place, hits, area = 0, 0, 0.0
        for image in ranks[:, q]:
            if image in junk:
                continue
            if image in ok:
                before = 1.0 if place == 0 else hits / place
                hits += 1
                area += (before + hits / (place + 1)) / 2 / len(ok)
            place += 1
        total, count = total + area, count + 1
    return 100 * total / count


def test_random_queries_equal_the_published_loop():
    generator = np.random.default_rng(0)
    ranks = np.stack([generator.permutation(30) for _ in range(8)], axis=1)
    relevant = []
    for _ in range(8):
        easy, hard, junk, _ = np.split(generator.permutation(30), [3, 8, 15])
        relevant.append(ground_truth(easy, hard, junk))
    found = revisited_map(ranks, relevant)
    assert found['easy'] == pytest.approx(naive_map(ranks, relevant, ['easy'], ['hard', 'junk']))
    assert found['medium'] == pytest.approx(naive_map(ranks, relevant, ['easy', 'hard'], ['junk']))
    assert found['hard'] == pytest.approx(naive_map(ranks, relevant, ['hard'], ['easy', 'junk']))


def test_ranks_of_other_queries_are_an_error():
    with pytest.raises(ValueError, match='ranks must be'):
        revisited_map(np.zeros((3, 2), int), [ground_truth([0])])


def test_recall_by_hand():
    """Query 0 finds its class at place 1, query 1 at place 0, the class of query 2 isn't there."""
    similarity = np.array([[0.9, 0.8, 0.1], [0.1, 0.2, 0.9], [0.3, 0.2, 0.1]])
    found = recall_at_k(similarity, [1, 2, 5], [0, 1, 2], ks=(1, 2, 3, 100), same_set=False)
    assert found == pytest.approx({1: 100 / 3, 2: 200 / 3, 3: 200 / 3, 100: 200 / 3})


def test_a_query_does_not_find_itself():
    similarity = torch.tensor([[1.0, 0.2, 0.1], [0.2, 1.0, 0.3], [0.1, 0.3, 1.0]])
    labels = torch.tensor([0, 0, 1])
    found = recall_at_k(similarity, labels, labels, (1, 2), same_set=True)
    assert found == pytest.approx({1: 100 / 3, 2: 200 / 3})  # image 2 is alone in its class


def test_ties_come_in_the_order_of_the_gallery():
    found = recall_at_k(np.ones((2, 3)), [0, 1], [1, 0, 0], (1, 2), same_set=False)
    assert found == {1: 50.0, 2: 100.0}
    found = recall_at_k(np.ones((3, 3)), [0, 1, 0], [0, 1, 0], (1, 2), same_set=True)
    assert found == pytest.approx({1: 100 / 3, 2: 200 / 3})  # 0: 1 before 2; 1: none; 2: 0


def test_one_class():
    assert recall_at_k(np.eye(4), [3] * 4, [3] * 4, (1,), same_set=True) == {1: 100.0}
    assert recall_at_k([[1.0]], [3], [3], (1,), same_set=True) == {1: 0.0}  # nothing else is there


@pytest.mark.parametrize('same_set', [False, True])
def test_recall_equals_a_sort(same_set):
    generator = np.random.default_rng(1)
    similarity = generator.integers(-4, 4, (20, 20)).astype(float)  # with ties
    queries = generator.integers(0, 5, 20)
    gallery = queries if same_set else generator.integers(0, 5, 20)
    for k in (1, 3, 30):
        hits = 0
        for i in range(20):
            others = [j for j in range(20) if not (same_set and i == j)]
            order = sorted(others, key=lambda j: (-similarity[i, j], j))
            hits += any(gallery[j] == queries[i] for j in order[:k])
        found = recall_at_k(similarity, queries, gallery, (k,), same_set)
        assert found == {k: pytest.approx(5 * hits)}


def test_wrong_arrays_are_errors():
    with pytest.raises(DivergedError, match='similarities are not finite'):
        recall_at_k([[math.nan]], [0], [0], (1,), same_set=False)
    with pytest.raises(ValueError, match='do not fit'):
        recall_at_k(np.ones((1, 2)), [0], [0], (1,), same_set=False)
    with pytest.raises(ValueError, match='at least 1'):
        recall_at_k(np.ones((1, 1)), [0], [0], (0,), same_set=False)


def test_background_gap():
    assert background_gap(76.2, 62.3) == pytest.approx(13.9)
    right = torch.tensor([True, True, False, True])
    assert background_gap(right, np.array([True, False])) == 25.0
