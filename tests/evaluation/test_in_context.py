"""Segmentation by a bank of patches against naive loops."""

import math

import numpy as np
import pytest
import torch

from mmmask.evaluation.in_context import class_shares, label_by_neighbours, pick_patches


def test_shares_of_classes_in_patches():
    """Two patches of 2 x 2 pixels: half class 0, a quarter class 2; then nothing labelled."""
    maps = torch.tensor([[[0, 0, 255, 255], [2, 255, 255, 255]]])
    shares = class_shares(maps, (1, 2), 3)
    torch.testing.assert_close(shares, torch.tensor([[[2 / 3, 0, 1 / 3], [0, 0, 0]]]))


def test_shares_equal_a_naive_loop():
    generator = np.random.default_rng(0)
    maps = generator.choice([0, 1, 2, 3, 255], size=(2, 6, 8))
    found = class_shares(torch.from_numpy(maps), (2, 4), 4)
    for image in range(2):
        for patch in range(8):
            top, left = 3 * (patch // 4), 2 * (patch % 4)
            pixels = maps[image, top : top + 3, left : left + 2].flatten().tolist()
            known = [pixel for pixel in pixels if pixel != 255]
            expected = [known.count(c) / max(len(known), 1) for c in range(4)]
            assert found[image, patch].tolist() == pytest.approx(expected)


class Draws:
    """Give known numbers in place of random ones."""

    def __init__(self, values):
        self.values = values

    def random(self, count):
        assert count == len(self.values)
        return np.array(self.values)


def test_rare_classes_are_picked_first():
    """Class 0 is in three patches, class 1 in two, class 2 in one; patch 4 has no class."""
    shares = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 0]])
    # sums: 3, 3, 3 + 2 = 5, 2 + 1 = 3
    draws = [0.9, 0.5, 0.4, 0.7, 0.0]  # scores 2.7, 1.5, 2.0, 2.1
    assert pick_patches(shares, 2, Draws(draws)).tolist() == [1, 2]
    assert pick_patches(shares, 3, Draws(draws)).tolist() == [1, 2, 3]
    assert pick_patches(shares, 9, Draws(draws)).tolist() == [0, 1, 2, 3]
    assert pick_patches(shares, 2, Draws(draws), 'uniform').tolist() == [1, 2]
    assert pick_patches(shares, 1, Draws(draws), 'uniform').tolist() == [2]


@pytest.mark.parametrize('k', [1, 4, 20])
def test_labels_equal_a_naive_loop(k):
    generator = torch.Generator().manual_seed(0)
    queries, bank = torch.randn(25, 5, generator=generator, dtype=torch.float64).split([5, 20])
    shares = torch.rand(20, 3, generator=generator, dtype=torch.float64)
    shares /= shares.sum(dim=1, keepdim=True)
    normed = bank / bank.norm(dim=1, keepdim=True)
    found = label_by_neighbours(queries, normed, shares, k, temperature=0.2)
    for query, labels in zip(queries.tolist(), found.tolist()):
        cosines = []
        for row, key in enumerate(bank.tolist()):
            dot = sum(a * b for a, b in zip(query, key))
            length = math.sqrt(sum(a * a for a in query) * sum(b * b for b in key))
            cosines.append((dot / length, row))
        nearest = sorted(cosines, reverse=True)[:k]
        weights = [math.exp(cosine / 0.2) for cosine, _ in nearest]
        for number in range(3):
            summed = sum(w * shares[row, number].item() for w, (_, row) in zip(weights, nearest))
            assert labels[number] == pytest.approx(summed / sum(weights), abs=1e-12)
