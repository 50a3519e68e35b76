"""A linear classifier on features, against gradient descent written out."""

import math

import numpy as np
import pytest
import torch

from mmmask.evaluation.linear_fit import fit_linear
from mmmask.utils.errors import DivergedError


def test_whole_batches_are_gradient_descent_with_momentum():
    """v = 0.9 v + g, w -= lr v; the rate falls by a cosine of the epoch."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    options = dict(epochs=4, lr=0.5, batch_size=6)
    found = fit_linear(torch.from_numpy(features), torch.from_numpy(labels), 3, **options)
    start = fit_linear(torch.from_numpy(features), torch.from_numpy(labels), 3, epochs=0)
    weight, bias = start.weight.numpy().copy(), np.zeros(3)
    assert np.abs(weight).max() < 0.05 and not start.bias.any()
    speed = [np.zeros((3, 3)), np.zeros(3)]
    for epoch in range(4):
        scores = features @ weight.T + bias
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        error = (shares - np.eye(3)[labels]) / 6
        rate = 0.5 * (1 + math.cos(math.pi * epoch / 4)) / 2
        speed = [0.9 * v + g for v, g in zip(speed, (error.T @ features, error.sum(axis=0)))]
        weight, bias = weight - rate * speed[0], bias - rate * speed[1]
    np.testing.assert_allclose(found.weight.numpy(), weight, atol=1e-12)
    np.testing.assert_allclose(found.bias.numpy(), bias, atol=1e-12)


def test_half_of_the_images_are_mirrored():
    """Images at 1 and their mirror images at -1, all of one class: what they teach cancels."""
    features, labels = torch.ones(2000, 1).double(), torch.zeros(2000, dtype=torch.long)
    options = dict(epochs=1, lr=1.0, batch_size=2000)
    moved = [
        fit_linear(features, labels, 2, mirrored, **options).weight[0].item()
        for mirrored in (None, features, -features)
    ]
    assert moved[0] == moved[1] > 0.4  # half of the error of 1/2, and first weights near 0
    assert abs(moved[2]) < 0.1


def test_it_repeats_and_stops_when_it_diverges():
    features, labels = torch.randn(9, 4), torch.arange(9) % 3
    one, other = (fit_linear(features, labels, 3, epochs=2, batch_size=4) for _ in range(2))
    assert torch.equal(one.weight, other.weight)
    with pytest.raises(DivergedError, match='lower its lr'):
        fit_linear(features * 1e20, labels, 3, epochs=3, lr=1e25)
