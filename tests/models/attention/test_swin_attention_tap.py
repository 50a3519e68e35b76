"""The attention that a patch of a Swin receives, window by window."""

import math

import pytest
import torch
from mmpretrain.models import VisionTransformer

from mmmask.models.attention import SwinAttentionTap
from mmmask.models.backbones import MaskedSwinTransformer


def build(img_size=16, mask_stride=None, drop_path_rate=0.0):
    """Maps of 8 and 4 tokens (at 16 pixels), windows of 4: the last stage is one window."""
    swin = MaskedSwinTransformer(
        dict(embed_dims=4, depths=[2, 2], num_heads=[1, 2]),
        img_size=img_size,
        patch_size=2,
        window_size=4,
        mask_stride=mask_stride,
        drop_path_rate=drop_path_rate,
    ).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in swin.parameters():
        parameter.data.normal_(0, 0.5, generator=generator)
    swin.eval()
    return swin


def naive(swin, images, stage, block, shift):
    """(B, H, rows, columns) received attention, token by token, and the map's size."""
    kept, attention = {}, swin.stages[stage].blocks[block].attn
    handle = attention.register_forward_pre_hook(lambda _, inputs: kept.update(inputs=inputs))
    with torch.no_grad():
        swin(images)
    handle.remove()
    tokens, (rows, columns) = kept['inputs']
    inner, window, heads = attention.w_msa, attention.window_size, attention.w_msa.num_heads
    width = tokens.shape[-1] // heads
    padded = [math.ceil(n / window) * window for n in (rows, columns)]

    def place(y, x):
        """Window of a token, its place there, and the region that the shift separates."""
        y, x = (y - shift) % padded[0], (x - shift) % padded[1]
        regions = [
            0 if not shift or p < n - window else 1 if p < n - shift else 2
            for p, n in zip((y, x), padded)
        ]
        return (y // window, x // window), (y % window, x % window), tuple(regions)

    result = torch.zeros(len(images), heads, rows, columns, dtype=torch.float64)
    everything = [(y, x) for y in range(padded[0]) for x in range(padded[1])]
    real = [(y, x) for y in range(rows) for x in range(columns)]
    for image in range(len(images)):
        grid = torch.zeros(*padded, tokens.shape[-1], dtype=torch.float64)
        grid[:rows, :columns] = tokens[image].reshape(rows, columns, -1)
        qkv = grid @ inner.qkv.weight.T + inner.qkv.bias
        for head in range(heads):
            start = head * width
            for query in real:
                peers = [k for k in everything if place(*k)[0] == place(*query)[0]]
                logits = []
                for key in peers:
                    q = qkv[query][start : start + width]
                    k = qkv[key][heads * width + start :][:width]
                    (qy, qx), (ky, kx) = place(*query)[1], place(*key)[1]
                    index = (qy - ky + window - 1) * (2 * window - 1) + qx - kx + window - 1
                    logit = (q @ k) / math.sqrt(width)
                    logit = logit + inner.relative_position_bias_table[index, head]
                    logits.append(logit - 100 * (place(*query)[2] != place(*key)[2]))
                row = torch.stack(logits).softmax(0)
                askers = sum(place(*q)[0] == place(*query)[0] for q in real)
                for key, share in zip(peers, row):
                    if key in real:
                        result[image, head, key[0], key[1]] += share.detach() / askers
    return result


def images(*size):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, *size, generator=generator, dtype=torch.float64)


def scores(swin, x, **options):
    with SwinAttentionTap(**options)(swin) as record:
        swin(x)
    return record.scores()


def assert_equal(found, expected):
    assert found.dtype is torch.float32 and not found.requires_grad
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-7)


def test_one_window():
    swin, x = build(), images(16, 16)
    expected = naive(swin, x, stage=1, block=1, shift=0)
    assert_equal(scores(swin, x), expected.mean(dim=1).flatten(1))
    assert_equal(scores(swin, x, per_head=True), expected.flatten(2))
    assert_equal(scores(swin, x).sum(dim=1), torch.ones(2).double())


def test_several_windows():
    # 32 pixels: four windows in the last stage, whose second block is shifted.
    swin, x = build(img_size=32), images(32, 32)
    assert [block.attn.shift_size for block in swin.stages[1].blocks] == [0, 2]
    expected = naive(swin, x, stage=1, block=0, shift=0)
    assert_equal(scores(swin, x), expected.mean(dim=1).flatten(1))
    assert_equal(scores(swin, x).sum(dim=1), torch.full((2,), 4.0).double())
    expected = naive(swin, x, stage=1, block=1, shift=2)
    assert_equal(scores(swin, x, block=1), expected.mean(dim=1).flatten(1))


@pytest.mark.parametrize('block, shift', [(0, 0), (1, 2)])
def test_padding_neither_asks_nor_is_scored(block, shift):
    swin, x = build(img_size=32), images(20, 12)  # last maps of 5 x 3, padded to 8 x 4
    expected = naive(swin, x, stage=1, block=block, shift=shift)
    assert expected.shape[-2:] == swin.grid(20, 12) == (5, 3)
    assert_equal(scores(swin, x, block=block), expected.mean(dim=1).flatten(1))


def test_another_stage_is_averaged_over_the_cells():
    swin, x = build(), images(16, 16)
    expected = naive(swin, x, stage=0, block=0, shift=0).mean(dim=1)  # (2, 8, 8)
    expected = expected.unflatten(1, (4, 2)).unflatten(3, (4, 2)).mean(dim=(2, 4))
    assert_equal(scores(swin, x, stage=0), expected.flatten(1))


def test_a_finer_mask_gets_the_score_around():
    swin, x = build(mask_stride=2), images(16, 16)
    expected = naive(swin, x, stage=1, block=1, shift=0).mean(dim=1)  # (2, 4, 4)
    expected = expected.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    assert swin.grid(16, 16) == (8, 8)
    assert_equal(scores(swin, x), expected.flatten(1))


def test_listening_changes_nothing():
    swin, x = build(), images(16, 16)
    with SwinAttentionTap()(swin):
        heard = swin(x)[0]
    assert torch.equal(heard, swin(x)[0])
    attention = swin.stages[1].blocks[1].attn
    assert not attention._forward_pre_hooks and not attention.w_msa.softmax._forward_hooks
    assert not swin.patch_embed._forward_pre_hooks


def test_autocast_rounds_the_network_but_not_the_scores():
    swin, x = build().float(), images(16, 16).float()
    with torch.autocast('cpu', torch.bfloat16):
        found = scores(swin, x)
    assert found.dtype is torch.float32
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(found, scores(swin, x), rtol=0.1, atol=0.01)


def test_mistakes():
    swin = build()
    with SwinAttentionTap()(swin) as record, pytest.raises(RuntimeError, match='No forward pass'):
        record.scores()
    with pytest.raises(ValueError, match='reads stage 2, but the backbone has 2'):
        scores(swin, images(16, 16), stage=2)
    with pytest.raises(ValueError, match='block -3, but stage -1 has 2'):
        scores(swin, images(16, 16), block=-3)
    vit = VisionTransformer(
        dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16), img_size=16
    )
    with pytest.raises(ValueError, match='use an AttentionTap for a ViT'):
        scores(vit, images(16, 16))
