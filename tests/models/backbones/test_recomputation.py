"""The backward pass computes again, to the same bits, what was not kept for it."""

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from mmmask.models.attention import AttentionTap, SwinAttentionTap
from mmmask.models.backbones import (
    MaskedSwinTransformer,
    PlainVisionTransformer,
    WindowedVisionTransformer,
)
from mmmask.models.backbones.recomputation import recomputing

ARCH = dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=16)
SIZES = dict(arch=ARCH, img_size=16, patch_size=4, out_type='raw', drop_path_rate=0.4)
IMAGES = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def build(kind=PlainVisionTransformer, **options):
    torch.manual_seed(0)
    vit = kind(**{**SIZES, **options})
    vit.train()
    for parameter in vit.parameters():
        nn.init.normal_(parameter, std=0.3)
    return vit


def step(vit):
    """Return the output, the gradients, and a number drawn afterwards."""
    torch.manual_seed(3)
    output = vit(IMAGES)[-1]
    output.square().sum().backward()
    return output, [parameter.grad for parameter in vit.parameters()], torch.rand(1)


@pytest.mark.parametrize('recompute', ['nothing', 'cheap', 'blocks'])
@pytest.mark.parametrize('rates', [{}, dict(drop_rate=0.2)])
def test_outputs_gradients_and_draws_are_the_parents(recompute, rates):
    found = step(build(recompute=recompute, **rates))
    expected = step(build(VisionTransformer, **rates))
    for ours, theirs in zip(
        [found[0], *found[1], found[2]], [expected[0], *expected[1], *expected[2:]]
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize('recompute, kept', [('nothing', 9), ('cheap', 0), ('blocks', 0)])
def test_outputs_of_cheap_layers_are_not_kept(recompute, kept):
    """Each of three blocks has two norms and an activation, whose outputs one linear layer sees."""
    vit = build(recompute=recompute)
    storages = []
    for layer in vit.layers.modules():
        if isinstance(layer, nn.LayerNorm | nn.GELU):
            layer.register_forward_hook(
                lambda _layer, _inputs, output: storages.append(
                    StorageWeakRef(output.untyped_storage())
                )
            )
    output = vit(IMAGES)[-1]
    assert len(storages) == 9
    assert sum(not storage.expired() for storage in storages) == kept
    output.sum().backward()


@pytest.mark.parametrize('recompute', ['nothing', 'cheap', 'blocks'])
def test_a_tap_reads_the_pass_once(recompute):
    """With and without gradients, the backward pass within the context or behind it."""
    plain, vit = build(recompute='nothing'), build(recompute=recompute)
    plain.eval(), vit.eval()
    with torch.no_grad(), AttentionTap(blocks='all')(plain) as record:
        plain(IMAGES)
    expected = record.scores()
    with AttentionTap(blocks='all')(vit) as record:
        output = vit(IMAGES)[-1]
        scores = record.scores()
        output.sum().backward()
    assert torch.equal(scores, expected) and torch.equal(record.scores(), expected)
    assert vit.layers[0].attn.qkv.weight.grad.abs().sum() > 0


def test_windows_pass_as_before():
    options = dict(out_type='featmap', window_size=3, global_blocks=[2], with_cls_token=False)
    first, second = (
        build(WindowedVisionTransformer, recompute=kind, **options) for kind in ('nothing', 'cheap')
    )
    for ours, theirs in zip(*(step(vit)[1] for vit in (first, second))):
        assert ours is theirs is None or torch.equal(ours, theirs)


def test_a_swin_recomputes_its_blocks_under_a_tap():
    """mmpretrain's own option."""
    arch = dict(embed_dims=8, depths=[2], num_heads=[2])
    found = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        swin = MaskedSwinTransformer(arch=arch, img_size=16, window_size=4, with_cp=with_cp)
        swin.init_weights()
        mask = torch.zeros(4, 16, dtype=torch.bool)
        mask[:, :5] = True
        torch.manual_seed(3)
        with SwinAttentionTap()(swin) as record:
            output = swin(IMAGES, mask)[-1]
            output.square().sum().backward()
        gradients = [p.grad for p in swin.parameters() if p.grad is not None]
        found.append([output, record.scores(), *gradients])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_bfloat16_is_computed_again_as_it_was():
    found = []
    for recompute in ('nothing', 'cheap', 'blocks'):
        with torch.autocast('cpu', torch.bfloat16):
            vit = build(recompute=recompute)
            torch.manual_seed(3)
            loss = vit(IMAGES)[-1].float().square().sum()
        loss.backward()
        found.append([parameter.grad for parameter in vit.parameters()])
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other))


def test_an_output_changed_in_place_is_kept():
    norm, linear = nn.LayerNorm(4), nn.Linear(4, 2)
    grads = []
    for recompute in (False, True):
        linear.zero_grad()
        values = torch.arange(8.0).view(2, 4).square().requires_grad_()
        if recompute:
            with recomputing(norm):
                linear(norm(values).add_(1)).sum().backward()
        else:
            linear(norm(values).add_(1)).sum().backward()
        grads.append(linear.weight.grad)
    assert torch.equal(*grads)
