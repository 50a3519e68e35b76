"""The tap against the full (N, N) attention, written out from the weights."""

import math

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer

from mmmask.models.attention import AttentionTap

DEPTH, HEADS, WIDTH = 3, 2, 8


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    arch = dict(embed_dims=WIDTH, num_layers=DEPTH, num_heads=HEADS, feedforward_channels=16)
    vit = VisionTransformer(arch, img_size=16, patch_size=4, out_type='raw').double()
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return vit


@pytest.fixture
def images():
    return torch.randn(2, 3, 16, 16, dtype=torch.float64)


@torch.no_grad()
def naive_scores(vit, images):
    """softmax(Q K^T / sqrt(d)) of every block and head, all queries: (DEPTH, B, H, L)."""
    patches = vit.patch_embed.projection(images).flatten(2).transpose(1, 2)
    tokens = torch.cat((vit.cls_token.expand(len(images), -1, -1), patches), dim=1) + vit.pos_embed
    head_width = WIDTH // HEADS
    rows = []
    for layer in vit.layers:
        normed = layer.ln1(tokens)
        weight, bias = layer.attn.qkv.weight, layer.attn.qkv.bias
        of_heads = []
        for head in range(HEADS):
            dims = torch.arange(head * head_width, (head + 1) * head_width)
            query = normed @ weight[dims].T + bias[dims]
            key = normed @ weight[WIDTH + dims].T + bias[WIDTH + dims]
            attention = (query @ key.transpose(1, 2) / math.sqrt(head_width)).softmax(dim=-1)
            of_heads.append(attention[:, 0, 1:])  # the CLS query; not its attention to itself
        rows.append(torch.stack(of_heads, dim=1))
        tokens = layer(tokens)
    return torch.stack(rows)


def read(vit, images, **kwargs):
    with AttentionTap(**kwargs)(vit) as record:
        vit(images)
    return record.scores()


@pytest.mark.parametrize('block', [0, 1, 2, -1, -3])
def test_scores_are_the_cls_row_averaged_over_heads(backbone, images, block):
    scores = read(backbone, images, blocks=(block,))
    assert scores.shape == (2, 16) and scores.dtype == torch.float32
    expected = naive_scores(backbone, images)[block].mean(dim=1).float()
    assert expected.std() > 0.005  # not uniform: the comparison means something
    torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-7)


def test_heads_apart(backbone, images):
    scores = read(backbone, images, per_head=True)
    assert scores.shape == (2, HEADS, 16)
    torch.testing.assert_close(
        scores, naive_scores(backbone, images)[-1].float(), rtol=1e-5, atol=1e-7
    )


def test_several_blocks_are_summed_and_counted_once(backbone, images):
    expected = naive_scores(backbone, images).mean(dim=2)[[0, 2]].sum(dim=0).float()
    for blocks in [(0, 2), (-1, 0), (0, 2, -1)]:
        torch.testing.assert_close(
            read(backbone, images, blocks=blocks), expected, rtol=1e-5, atol=1e-7
        )


def test_another_image_size(backbone):
    assert read(backbone, torch.randn(1, 3, 8, 12).double()).shape == (1, 2 * 3)


def test_the_output_and_its_gradient_are_unchanged_and_the_scores_detached(backbone, images):
    plain = backbone(images)[0]
    plain.sum().backward()
    expected = backbone.pos_embed.grad.clone()
    backbone.zero_grad()
    with AttentionTap(blocks=(0, 1, 2))(backbone) as record:
        tapped = backbone(images)[0]
    assert torch.equal(tapped, plain)
    tapped.sum().backward()
    assert torch.equal(backbone.pos_embed.grad, expected)
    assert not record.scores().requires_grad


def test_nothing_listens_afterwards(backbone, images):
    def hooks():
        return [len(layer.attn.qkv._forward_hooks) for layer in backbone.layers]

    tap = AttentionTap(blocks=(0, -1))
    with tap(backbone) as record:
        assert hooks() == [1, 0, 1]
        backbone(images)
    before = record.scores()
    backbone(images + 1)
    assert hooks() == [0, 0, 0] and torch.equal(record.scores(), before)
    with pytest.raises(KeyError), tap(backbone):
        raise KeyError
    assert hooks() == [0, 0, 0]


def test_mistakes(backbone, images):
    with pytest.raises(ValueError, match='at least one block'):
        AttentionTap(blocks=())
    for block in (DEPTH, -DEPTH - 1):
        with pytest.raises(ValueError, match=f'reads blocks .{block}., but .* has 3 blocks'):
            read(backbone, images, blocks=(block,))
    with AttentionTap()(backbone) as record, pytest.raises(RuntimeError, match='No forward pass'):
        record.scores()
    arch = dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8)
    without_cls = VisionTransformer(
        arch, img_size=16, patch_size=4, with_cls_token=False, out_type='raw'
    )
    with pytest.raises(ValueError, match='CLS token'):
        read(without_cls, images.float())
