"""Attentive poolings against loops over their equations."""

import math

import pytest
import torch

from mmmask.models.classifiers import CrossAttentionPooling, EfficientPooling
from mmmask.utils.errors import UserError


def tokens():
    return torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0)).double()


def softmax(values):
    exponentials = [math.exp(value) for value in values]
    return [value / sum(exponentials) for value in exponentials]


def weighted_sum(weights, vectors):
    return sum(weight * vector for weight, vector in zip(weights, vectors))


@torch.no_grad()
@pytest.mark.parametrize('queries, reduction', [(3, 1), (3, 2), (1, 1)])
def test_efficient_pooling(queries, reduction):
    torch.manual_seed(1)
    pool = EfficientPooling(12, queries, reduction).double()
    found, share = pool(tokens()), 12 // reduction // queries
    assert found.shape == (2, 12 // reduction)
    for image, result in zip(tokens(), found):
        for j in range(queries):
            part = slice(j * share, (j + 1) * share)
            weights = softmax([float(pool.queries[j] @ token) / 12**0.5 for token in image])
            values = [(pool.value.weight @ token)[part] for token in image]
            torch.testing.assert_close(result[part], weighted_sum(weights, values))
    assert sum(p.numel() for p in pool.parameters()) == 12 * queries + 12 * 12 // reduction


@torch.no_grad()
@pytest.mark.parametrize('projections', ['kv', 'qkvo'])
def test_cross_attention(projections):
    torch.manual_seed(1)
    pool = CrossAttentionPooling(12, num_heads=3, projections=projections).double()
    query = pool.query[0]
    if projections == 'qkvo':
        query = pool.project.weight @ query
    for image, result in zip(tokens(), pool(tokens())):
        heads = []
        for h in range(3):
            part = slice(4 * h, 4 * h + 4)
            keys = [(pool.key.weight @ token)[part] for token in image]
            values = [(pool.value.weight @ token)[part] for token in image]
            weights = softmax([float(query[part] @ key) / 2 for key in keys])
            heads.append(weighted_sum(weights, values))
        expected = torch.cat(heads)
        if projections == 'qkvo':
            expected = pool.output.weight @ expected + pool.output.bias
        torch.testing.assert_close(result, expected)


def test_shares_that_do_not_divide_are_errors():
    with pytest.raises(UserError, match='num_queries=5 queries share 12 channels'):
        EfficientPooling(12, 5)
    with pytest.raises(UserError, match='num_heads=5 heads share 12 channels'):
        CrossAttentionPooling(12, 5)
