"""GPA's scores against the full (L, L) map of logits, added up as Eq. 4-5 have it."""

import math

import pytest
import torch
from tapped_vits import DEPTH, HEAD_WIDTH, HEADS, build, build_beit, queries_and_keys
from tapped_vits import images as make_images

from mmmask.models.attention import ReceivedAttentionTap, received_attention


@pytest.fixture(scope='module')
def backbone():
    return build()


@pytest.fixture(scope='module')
def images():
    return make_images()


def read(vit, images, **options):
    with ReceivedAttentionTap(**options)(vit) as record:
        vit(images)
    return record.scores()


def close(scores, expected):
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, expected.float(), rtol=1e-5, atol=1e-5)


def naive_received(vit, images, role='key'):
    """Sum over i != m of the products of patches, one by one: (DEPTH, B, H, L)."""
    expected = torch.zeros(DEPTH, len(images), HEADS, 16, dtype=torch.float64)
    for block, of_heads in enumerate(queries_and_keys(vit, images)):
        for head, (query, key) in enumerate(of_heads):
            logits = query[:, 1:] @ key[:, 1:].transpose(1, 2) / math.sqrt(HEAD_WIDTH)
            for m in range(16):
                for i in set(range(16)) - {m}:
                    att = logits[:, i, m] if role == 'key' else logits[:, m, i]
                    expected[block, :, head, m] += att
    return expected


@pytest.fixture(scope='module')
def expected(backbone, images):
    return naive_received(backbone, images)


def test_by_hand():
    """Two patches of width 4: each receives the other's query, over sqrt(4)."""
    query = torch.tensor([[1.0, 0, 0, 0], [0, 2, 0, 0]]).reshape(1, 2, 1, 4)
    key = torch.tensor([[5.0, 7, 0, 0], [3, 11, 0, 0]]).reshape(1, 2, 1, 4)
    assert received_attention(query, key).tolist() == [[[7.0, 1.5]]]  # 2 * 7 / 2 and 1 * 3 / 2
    as_printed = received_attention(key, query)  # q_0 k_1 and q_1 k_0: the same pairs, swapped
    assert as_printed.tolist() == [[[1.5, 7.0]]]


def test_cls_has_no_part():
    """A tap sees three tokens and scores two."""
    tokens = torch.tensor([[1e6, 1e6], [1.0, 0.0], [2.0, 1.0]]).reshape(1, 3, 1, 2)
    measured = ReceivedAttentionTap().measure(tokens, tokens, num_extra_tokens=1)
    torch.testing.assert_close(measured, torch.full((1, 1, 2), 2 / math.sqrt(2)))


def test_the_last_head_of_the_last_block_by_default(backbone, images, expected):
    scores = read(backbone, images)
    assert scores.shape == (2, 16) and not scores.requires_grad
    assert expected[-1, :, -1].std() > 1
    close(scores, expected[-1, :, -1])


@pytest.mark.parametrize('block, head', [(0, 0), (1, 1), (-1, 0), (-3, -2)])
def test_one_block_and_head(backbone, images, expected, block, head):
    close(read(backbone, images, block=block, head=head), expected[block, :, head])


def test_the_sum_over_heads_and_heads_apart(backbone, images, expected):
    close(read(backbone, images, block=1, head='sum'), expected[1].sum(dim=1))
    close(read(backbone, images, block=1, per_head=True), expected[1])


def test_every_block_and_head_in_one_pass(backbone, images, expected):
    with ReceivedAttentionTap(block='all')(backbone) as record:
        backbone(images)
    close(record.scores_by_block(), expected)
    assert record.blocks == tuple(range(DEPTH))
    close(record.scores(), expected[:, :, -1].sum(dim=0))


def test_the_index_as_printed(backbone, images, expected):
    as_printed = naive_received(backbone, images, role='query')
    close(read(backbone, images, role='query'), as_printed[-1, :, -1])
    assert (as_printed - expected).abs().max() > 1


def test_beit(images):
    beit = build_beit()
    with ReceivedAttentionTap(block='all')(beit) as record:
        beit(images)
    close(record.scores_by_block(), naive_received(beit, images))


def test_without_a_cls_token(images):
    vit = build(with_cls_token=False)
    assert read(vit, images).shape == (2, 16)


def test_autocast_does_not_round_the_scores(images):
    backbone, images = build().float(), images.float()
    kept = []
    backbone.layers[-1].attn.qkv.register_forward_hook(lambda *args: kept.append(args[-1]))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        scores = read(backbone, images)
    query, key, _ = kept[-1].double().unflatten(-1, (3, HEADS, HEAD_WIDTH)).unbind(2)
    logits = query[:, 1:, -1] @ key[:, 1:, -1].transpose(1, 2) / math.sqrt(HEAD_WIDTH)
    close(scores, logits.sum(dim=1) - logits.diagonal(dim1=1, dim2=2))


def test_many_patches_need_no_map():
    """A map of (L, L) would hold 4 * 10^10 numbers."""
    query, key = torch.randn(1, 200_000, 1, 2), torch.randn(1, 200_000, 1, 2)
    scores = received_attention(query, key)
    m = 123_456
    expected = (query.double().sum(dim=1) - query[:, m].double()) @ key[0, m, 0].double()
    assert float(scores[0, 0, m]) == pytest.approx(float(expected / math.sqrt(2)), rel=1e-3)


def test_mistakes(backbone, images):
    for options, text in [
        (dict(block='last'), "block must be a number or 'all', got 'last'"),
        (dict(block=(0, 1)), "block must be a number or 'all'"),
        (dict(head='mean'), "head must be a number or 'sum', got 'mean'"),
        (dict(head=None), "head must be a number or 'sum', got None"),
        (dict(role='value'), "role must be 'key' or 'query', got 'value'"),
    ]:
        with pytest.raises(ValueError, match=text):
            ReceivedAttentionTap(**options)
    with pytest.raises(ValueError, match='reads blocks .3., but the backbone has 3 blocks'):
        read(backbone, images, block=DEPTH)
    with pytest.raises(ValueError, match='reads head -3, but the backbone has 2 heads'):
        read(backbone, images, head=-3)
    with ReceivedAttentionTap()(backbone) as record, pytest.raises(RuntimeError, match='No forw'):
        record.scores_by_block()
