"""The tap against the full (N, N) attention, written out from the weights."""

import math

import pytest
import torch
from mmpretrain.models.backbones import BEiTViT, VisionTransformer
from tapped_vits import DEPTH, HEAD_WIDTH, HEADS, WIDTH, build, build_beit, queries_and_keys
from tapped_vits import images as make_images

from mmmask.models.attention import AttentionTap


@pytest.fixture
def backbone():
    return build()


@pytest.fixture
def images():
    return make_images()


def naive_maps(vit, images):
    """softmax(Q K^T / sqrt(d)) of every block and head, all queries: (DEPTH, B, H, 17, 17)."""
    return torch.stack(
        [
            torch.stack(
                [
                    (query @ key.transpose(1, 2) / math.sqrt(HEAD_WIDTH)).softmax(dim=-1)
                    for query, key in of_heads
                ],
                dim=1,
            )
            for of_heads in queries_and_keys(vit, images)
        ]
    )


def naive_scores(vit, images):
    """The CLS query, not its attention to itself: (DEPTH, B, H, L)."""
    return naive_maps(vit, images)[..., 0, 1:]


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


def close(scores, expected):
    torch.testing.assert_close(scores, expected.float(), rtol=1e-5, atol=1e-7)


def test_all_blocks(backbone, images):
    expected = naive_scores(backbone, images)
    close(read(backbone, images, blocks='all'), expected.mean(dim=2).sum(dim=0))
    with AttentionTap(blocks='all')(backbone) as record:
        backbone(images)
    assert record.blocks == (0, 1, 2)
    close(record.scores_by_block(), expected)


@pytest.mark.parametrize('head', [0, 1, -1, -2])
def test_one_head(backbone, images, head):
    expected = naive_scores(backbone, images)
    apart = read(backbone, images, per_head=True)
    close(apart[:, head], expected[-1, :, head])
    apart = read(backbone, images, per_head=True, blocks=(0, 1))
    close(apart[:, head], expected[:2, :, head].sum(dim=0))


@pytest.mark.parametrize('blocks', [(-1,), (0, 2)])
def test_the_softmax_of_the_mean_of_logits_over_patches_alone(backbone, images, blocks):
    """ccMIM, Eq. 4: no CLS key, one softmax, and D is the width of all heads."""
    expected = torch.zeros(2, 16, dtype=torch.float64)
    every = queries_and_keys(backbone, images)
    for block in blocks:
        for image in range(2):
            logits = [
                sum(float(query[image, 0] @ key[image, 1 + patch]) for query, key in every[block])
                / HEADS
                / math.sqrt(WIDTH)
                for patch in range(16)
            ]
            total = sum(math.exp(logit) for logit in logits)
            for patch in range(16):
                expected[image, patch] += math.exp(logits[patch]) / total
    scores = read(backbone, images, blocks=blocks, reduction='softmax_of_mean')
    close(scores, expected)
    close(scores.sum(dim=1), torch.full((2,), float(len(blocks))))


def test_heads_of_the_other_reduction_are_means_over_one(backbone, images):
    options = dict(reduction='softmax_of_mean')
    apart = read(backbone, images, per_head=True, **options)
    for head, (query, key) in enumerate(queries_and_keys(backbone, images)[-1]):
        logits = query[:, :1] @ key[:, 1:].transpose(1, 2) / math.sqrt(WIDTH)
        close(apart[:, head], logits[:, 0].softmax(dim=-1))


def test_what_patches_pay_to_cls(backbone, images):
    """The CLS column, which the first upload of ccMIM's code summed over blocks."""
    expected = naive_maps(backbone, images)[..., 1:, 0]
    close(read(backbone, images, to_cls=True), expected[-1].mean(dim=1))
    close(read(backbone, images, to_cls=True, per_head=True), expected[-1])
    scores = read(backbone, images, to_cls=True, blocks='all')
    close(scores, expected.mean(dim=2).sum(dim=0))
    assert (scores - read(backbone, images, blocks='all')).abs().max() > 0.1


def test_by_hand():
    """Width 2, one head, CLS and two patches; q = x, k = x."""
    arch = dict(embed_dims=2, num_layers=1, num_heads=1, feedforward_channels=2)
    vit = VisionTransformer(arch, img_size=(4, 8), patch_size=4, out_type='raw')
    measured = {}
    for name, options in dict(
        row={}, column=dict(to_cls=True), eq4=dict(reduction='softmax_of_mean')
    ).items():
        with AttentionTap(**options)(vit) as record:
            tokens = torch.tensor([[[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]]]).unsqueeze(2)
            record.read(0, tokens, tokens)
        measured[name] = record.scores()[0].tolist()
    a, b = math.exp(1 / math.sqrt(2)), math.exp(2 / math.sqrt(2))  # CLS with itself, patch 1
    assert measured['row'] == pytest.approx([b / (a + b + 1), 1 / (a + b + 1)])
    c = math.exp(4 / math.sqrt(2))  # patch 1 with itself
    d = math.exp(9 / math.sqrt(2))  # patch 2 with itself
    assert measured['column'] == pytest.approx([b / (b + c + 1), 1 / (1 + 1 + d)])
    assert measured['eq4'] == pytest.approx([b / (b + 1), 1 / (b + 1)])


def test_beit(images):
    """Its biases are added outside of its qkv layer."""
    beit = build_beit()
    scores = read(beit, images, blocks='all')
    expected = naive_scores(beit, images).mean(dim=2)
    assert expected.std() > 0.005
    close(scores, expected.sum(dim=0))
    with AttentionTap()(beit):
        assert len(beit.layers[-1].attn._forward_pre_hooks) == 1
    assert not beit.layers[-1].attn._forward_pre_hooks
    without_bias = build(BEiTViT, use_rel_pos_bias=False, bias=False, std=0.5)
    assert read(without_bias, images).shape == (2, 16)


def test_autocast_does_not_round_the_scores(backbone, images):
    backbone, images = backbone.float(), images.float()
    kept = []
    hook = backbone.layers[-1].attn.qkv.register_forward_hook(lambda *args: kept.append(args[-1]))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        scores = read(backbone, images)
    hook.remove()
    assert kept[0].dtype == torch.bfloat16 and scores.dtype == torch.float32
    query, key, _ = kept[0].double().unflatten(-1, (3, HEADS, HEAD_WIDTH)).unbind(2)
    logits = torch.einsum('bhd,bnhd->bhn', query[:, 0], key) / math.sqrt(HEAD_WIDTH)
    close(scores, logits.softmax(dim=-1)[..., 1:].mean(dim=1))


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
    without_cls = build(with_cls_token=False)
    with pytest.raises(ValueError, match='CLS token'):
        read(without_cls, images)


def test_wrong_options(backbone, images):
    with pytest.raises(ValueError, match="by their numbers or 'all', got 'last'"):
        AttentionTap(blocks='last')
    with pytest.raises(ValueError, match="must be 'mean_of_softmax' or 'softmax_of_mean'"):
        AttentionTap(reduction='mean')
    with pytest.raises(ValueError, match="needs reduction='mean_of_softmax'"):
        AttentionTap(reduction='softmax_of_mean', to_cls=True)
    with pytest.raises(ValueError, match='blocks of a ViT, not a Conv2d'):
        read(torch.nn.Conv2d(1, 1, 1), images)
    for option in ('use_rel_pos_bias', 'use_shared_rel_pos_bias'):
        options = dict(use_rel_pos_bias=False) | {option: True}
        beit = build(BEiTViT, **options)
        with pytest.raises(ValueError, match='relative position bias'):
            read(beit, images)
