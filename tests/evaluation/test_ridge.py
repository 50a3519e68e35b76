"""Ridge classifiers against refits that leave out one image at a time."""

import pytest
import torch

from mmmask.evaluation.ridge import PENALTIES, fit_ridge


def refit(features, targets, penalty):
    """The normal equations with a column of ones, whose weight has no penalty."""
    extended = torch.cat((features, torch.ones(len(features), 1).double()), dim=1)
    squares = torch.eye(extended.shape[1]).double() * penalty
    squares[-1, -1] = 0
    solved = torch.linalg.solve(extended.T @ extended + squares, extended.T @ targets)
    return solved[:-1], solved[-1]


@pytest.mark.parametrize('channels', [3, 12])  # fewer and more than images
def test_the_penalty_leaves_one_out_best(channels):
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, 0, 1, 1, 2, 2, 2])
    features = torch.randn(7, channels, generator=generator).double() + labels[:, None]
    targets = (labels[:, None] == torch.arange(3)).double()
    penalties = (0.01, 1.0, 5.0, 100.0)
    expected = []
    for penalty in penalties:
        errors = []
        for i in range(7):
            others = [j for j in range(7) if j != i]
            weights, bias = refit(features[others], targets[others], penalty)
            errors.append(((features[i] @ weights + bias - targets[i]) ** 2).mean())
        expected.append(float(sum(errors) / 7))
    found = fit_ridge(features, labels, 3, penalties)
    assert found.errors == pytest.approx(expected)
    assert found.penalty == penalties[expected.index(min(expected))]
    weights, bias = refit(features, targets, found.penalty)
    torch.testing.assert_close(found.weights, weights)
    torch.testing.assert_close(found.bias, bias)


def test_a_case_by_hand():
    """Features -1 and 1 of two classes: the slope of class 1 is 1 / (2 + penalty)."""
    found = fit_ridge(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]), 2, (2.0,))
    torch.testing.assert_close(found.weights, torch.tensor([[-0.25, 0.25]]).double())
    torch.testing.assert_close(found.bias, torch.tensor([0.5, 0.5]).double())
    # Left out, an image sees one other, of the other class: it is wrong by 1 in both columns.
    assert found.errors == pytest.approx([1.0])
    assert PENALTIES[0] == pytest.approx(1e-4) and PENALTIES[-1] == pytest.approx(1e4)
