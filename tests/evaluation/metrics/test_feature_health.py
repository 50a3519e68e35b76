"""Effective rank, cosine, entropy and clusters, against loops over hand-made features."""

import math

import numpy as np
import pytest
import torch

from mmmask.evaluation.metrics import (
    attention_entropy,
    cluster_agreement,
    effective_rank,
    mean_cosine,
)
from mmmask.utils.errors import DivergedError, UserError


@pytest.mark.parametrize(
    'features, rank',
    [
        (np.eye(3), 3),  # three equal singular values
        (np.ones((5, 4)), 1),  # one image five times
        ([[3.0, 0.0], [0.0, 1.0]], 4 / 3**0.75),  # shares 3/4, 1/4: 4^(1) / 3^(3/4)
        ([[2.0, 0.0, 0.0]], 1),  # one image
        (np.zeros((2, 2)), 0),
    ],
)
def test_effective_rank(features, rank):
    assert effective_rank(np.asarray(features, float)) == pytest.approx(rank, abs=1e-12)


def test_features_are_not_centred():
    features = np.array([[1.0, 1.0], [1.0, -1.0]])  # centred, one dimension would be left
    assert effective_rank(features) == pytest.approx(2)
    assert effective_rank(7 * features) == pytest.approx(2)  # the scale doesn't matter


def test_effective_rank_by_the_equation():
    features = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    squares = np.linalg.eigvalsh(features.double().numpy().T @ features.double().numpy())
    sigmas = [math.sqrt(value) for value in squares]
    shares = [sigma / sum(sigmas) for sigma in sigmas]
    expected = math.exp(-sum(share * math.log(share) for share in shares))
    assert effective_rank(features) == pytest.approx(expected, rel=1e-9)


def test_mean_cosine():
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])  # 0, and twice cos 45 degrees
    assert mean_cosine(rows) == pytest.approx(2 * math.sqrt(0.5) / 3, abs=1e-12)
    assert mean_cosine(np.array([[1.0, 2.0], [-2.0, -4.0]])) == pytest.approx(-1)
    assert mean_cosine(np.array([[1.0, 0.0], [0.0, 0.0]])) == 0  # a zero vector
    assert math.isnan(mean_cosine(rows[:1]))


def test_attention_entropy():
    # The rest of each row is attention to CLS; it is left out.
    attention = [[0.1, 0.1, 0.1, 0.1], [0.0, 0.5, 0.0, 0.0], [0.3, 0.1, 0.0, 0.0]]
    quarters = 0.75 * math.log(4 / 3) + 0.25 * math.log(4)
    found = attention_entropy(np.array(attention))
    assert found.tolist() == pytest.approx([math.log(4), 0, quarters])
    assert math.isnan(attention_entropy(np.zeros((1, 2)))[0])


def test_clusters_that_are_the_classes():
    features = np.array([[1, 0.1], [2, 0.1], [-0.1, 3], [0.1, 1], [-1, 0], [-9, 0.1]])
    agreement = cluster_agreement(features, [4, 4, 7, 7, 5, 5])  # lengths don't matter
    assert agreement == pytest.approx(dict(nmi=100, ari=100))


def test_clusters_that_are_half_right():
    """Clusters {0, 1}, {2, 3}; classes {0}, {1, 2, 3}."""
    features = np.array([[1, 0.1], [1, -0.1], [-1, 0.1], [-1, -0.1]])
    agreement = cluster_agreement(features, [0, 1, 1, 1], num_clusters=2)
    both = 0.25 * math.log(0.25 / (0.5 * 0.25)) + 0.25 * math.log(0.25 / (0.5 * 0.75))
    both += 0.5 * math.log(0.5 / (0.5 * 0.75))
    classes = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert agreement['nmi'] == pytest.approx(100 * both / ((math.log(2) + classes) / 2))
    # Pairs together: 1 in both, 2 in the clusters, 3 in the classes, of 6: 2 * 3 / 6 by chance.
    assert agreement['ari'] == pytest.approx(100 * (1 - 1) / (2.5 - 1))


def test_one_class():
    assert cluster_agreement(np.eye(3), [0, 0, 0]) == dict(nmi=100, ari=100)


def test_what_can_t_be_measured_is_said():
    broken = np.array([[1.0, np.nan], [0.0, 1.0]])
    for metric in (effective_rank, mean_cosine, lambda f: cluster_agreement(f, [0, 1])):
        with pytest.raises(DivergedError, match='features are not finite'):
            metric(broken)
    with pytest.raises(UserError, match='no 3 clusters of 2 images'):
        cluster_agreement(np.eye(2), [0, 1], num_clusters=3)
