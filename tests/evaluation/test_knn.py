"""k-NN against the formula, written out in float64, and hand-worked votes."""

import math

import pytest
import torch

from mmmask.evaluation.knn import (
    choose_ks,
    class_votes,
    iter_votes,
    nearest_neighbours,
    vote_ranks,
)
from mmmask.utils.errors import UserError


def naive_votes(bank, labels, query, k, temperature, num_classes):
    """sum over the k nearest of exp(cos / T), one multiplication at a time, in float64."""

    def unit(row):
        norm = math.sqrt(sum(value * value for value in row))
        return [value / norm for value in row]

    query = unit(query)
    cosines = [sum(a * b for a, b in zip(unit(row), query)) for row in bank]
    nearest = sorted(range(len(bank)), key=lambda i: (-cosines[i], i))[:k]
    votes = [0.0] * num_classes
    for i in nearest:
        votes[labels[i]] += math.exp(cosines[i] / temperature)
    return votes


def all_votes(*args, **kwargs):
    """{k: votes of all queries}."""
    blocks = list(iter_votes(*args, **kwargs))
    return {k: torch.cat([votes[k] for votes in blocks]) for k in blocks[0]}


def predict(*args, **kwargs):
    """{k: the class with the most votes, the lowest among equals}."""
    return {k: votes.argmax(dim=1) for k, votes in all_votes(*args, **kwargs).items()}


@pytest.fixture(scope='module')
def data():
    generator = torch.Generator().manual_seed(0)
    bank = torch.randn(37, 5, generator=generator, dtype=torch.float64)
    queries = torch.randn(23, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (37,), generator=generator)
    truth = torch.randint(0, 7, (23,), generator=generator)
    return bank.float(), labels, queries.float(), truth


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_predictions_equal_a_naive_double_loop(data, temperature):
    bank, labels, queries, _ = data
    predicted = predict(bank, labels, queries, 7, (1, 5, 37), temperature)
    for k, classes in predicted.items():
        for query, found in zip(queries, classes):
            votes = naive_votes(bank.tolist(), labels.tolist(), query.tolist(), k, temperature, 7)
            assert votes[found] == pytest.approx(max(votes), rel=1e-5)


def test_ranks_equal_a_naive_double_loop(data):
    bank, labels, queries, truth = data
    for k, of_k in all_votes(bank, labels, queries, 7, (5, 37)).items():
        ranks = vote_ranks(of_k, truth)
        top1 = top5 = 0
        for query, label in zip(queries.tolist(), truth.tolist()):
            votes = naive_votes(bank.tolist(), labels.tolist(), query, k, 0.07, 7)
            order = [c for c in sorted(range(7), key=lambda c: (-votes[c], c)) if votes[c] > 0]
            top1 += label in order[:1]
            top5 += label in order[:5]
        assert [(ranks < top).sum() for top in (1, 5)] == [top1, top5]


def test_votes_by_hand():
    # exp(s / 0.5) = e^2, e^1, e^1: class 1 has e + e = 5.44 votes, class 0 has e^2 = 7.39.
    similarities = torch.tensor([[1.0, 0.5, 0.5]])
    votes = class_votes(similarities, torch.tensor([[0, 1, 1]]), 3, temperature=0.5)
    assert votes.argmax() == 0
    assert votes[0, 1] / votes[0, 0] == pytest.approx(2 / math.e, rel=1e-12)
    assert votes[0, 2] == 0


def test_one_close_neighbour_outvotes_two_far_ones_only_when_cold():
    # Cosines with the query (1, 0): 1, 0.6, 0.6. Cold: e^(1/0.07) > 2 e^(0.6/0.07); hot: 1 < 2.
    bank = torch.tensor([[2.0, 0.0], [0.6, 0.8], [3.0, 4.0]])
    labels, query = torch.tensor([0, 1, 1]), torch.tensor([[5.0, 0.0]])
    assert predict(bank, labels, query, 2, 3, 0.07) == {3: torch.tensor([0])}
    assert predict(bank, labels, query, 2, 3, 10.0) == {3: torch.tensor([1])}


def test_equal_votes_go_to_the_lower_class_whatever_the_order():
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        bank = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0], [0.6, 0.8]])[order]
        labels = torch.tensor([2, 2, 1, 1])[order]
        assert predict(bank, labels, torch.tensor([[1.0, 0.0]]), 3, 4) == {4: torch.tensor([1])}


def test_equal_similarities_come_in_the_order_of_the_bank():
    bank = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    for chunk_size in (1, 2, 3, 100):
        similarities, rows = nearest_neighbours(bank, torch.tensor([[1.0, 0.0]]), 4, chunk_size)
        assert rows.tolist() == [[1, 2, 4, 0]]
        assert similarities.tolist() == [[1, 1, 1, 0]]


@pytest.mark.parametrize('chunk_size', [1, 4, 7, 64])
def test_blocks_change_nothing(chunk_size):
    # Entries of +-1/2: every product is exact, and many of them are equal.
    generator = torch.Generator().manual_seed(1)
    bank = torch.randint(0, 2, (29, 4), generator=generator).float() - 0.5
    queries = torch.randint(0, 2, (11, 4), generator=generator).float() - 0.5
    labels = torch.randint(0, 6, (29,), generator=generator)
    expected = nearest_neighbours(bank, queries, 9, 1000)
    found = nearest_neighbours(bank, queries, 9, chunk_size)
    assert all(torch.equal(a, b) for a, b in zip(found, expected))
    whole = all_votes(bank, labels, queries, 6, (3, 29))
    parts = all_votes(bank, labels, queries, 6, (3, 29), chunk_size=chunk_size)
    assert all(torch.equal(parts[k], whole[k]) for k in (3, 29))


def test_all_ks_come_from_one_search(data):
    bank, labels, queries, _ = data
    together = predict(bank, labels, queries, 4, (2, 3, 20))
    for k in (2, 3, 20):
        assert torch.equal(together[k], predict(bank, labels, queries, 4, k)[k])


def test_a_class_without_votes_is_no_prediction():
    votes = torch.tensor([[5, 0, 3, 0, 0, 0, 0]]).expand(3, -1)
    assert vote_ranks(votes, torch.tensor([0, 2, 1])).tolist() == [0, 1, 7]


def test_temperatures_far_below_the_usual_do_not_overflow(data):
    bank, labels, queries, _ = data
    nearest = predict(bank, labels, queries, 4, 1)[1]
    assert torch.equal(predict(bank, labels, queries, 4, 37, 1e-4)[37], nearest)


def test_which_ks():
    assert choose_ks(None, 1000) == (10, 20, 100, 200)
    assert choose_ks(None, 100) == (10, 20, 100)
    assert choose_ks(None, 7) == (7,)
    assert choose_ks(20, 20) == (20,)
    for ks, size in ((20, 19), ((10, 20), 10), (0, 5), ((), 5), ((3, 3), 5), (None, 0)):
        with pytest.raises(UserError):
            choose_ks(ks, size)


def test_bad_input_is_an_error(data):
    bank, labels, queries, _ = data
    broken = bank.clone()
    broken[3, 1] = torch.nan
    for arguments in (
        (broken, labels, queries, 7, 3),
        (bank, labels, queries / 0, 7, 3),
        (bank, labels, queries, 7, 3, 0.0),
        (bank, labels, queries, 2, 3),
        (bank, labels, queries, 7, 3, 0.07, 0),
        (bank, labels, queries, 7, 38),
    ):
        with pytest.raises(UserError):
            predict(*arguments)
