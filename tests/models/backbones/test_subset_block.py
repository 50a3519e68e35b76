"""Stochastic depth of a share of the batch has the expectation of each image's own."""

from itertools import combinations

import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer
from torch import nn

from mmmask.models.backbones import MaskedVisionTransformer, WindowedVisionTransformer, subset_block
from mmmask.models.backbones.subset_block import add_for_subset

ARCH = dict(embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
SIZES = dict(arch=ARCH, img_size=16, patch_size=4, out_type='raw')
IMAGES = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def vit(kind=MaskedVisionTransformer, **options):
    torch.manual_seed(0)
    network = kind(**{**SIZES, **options})
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network


@pytest.mark.parametrize(('rate', 'count'), [(0.4, 3), (0.1, 4), (0.99, 1)])
def test_the_mean_over_all_draws_is_the_whole_residual(rate, count, monkeypatch):
    x = torch.arange(10.0, dtype=torch.float64).view(5, 2).requires_grad_()
    seen, outputs = [], []

    def residual(part):
        seen.append(len(part))
        return part.square()

    draws = list(combinations(range(5), count))
    for draw in draws:
        rest = [index for index in range(5) if index not in draw]
        order = torch.tensor([*draw, *rest])
        monkeypatch.setattr(subset_block.torch, 'randperm', lambda n, device, order=order: order)
        outputs.append(add_for_subset(x, residual, rate))
        for index in rest:
            assert torch.equal(outputs[-1][index], x[index])
    assert seen == [count] * len(draws)
    mean = torch.stack(outputs).mean(dim=0)
    torch.testing.assert_close(mean, x + x.square())
    mean.sum().backward()
    torch.testing.assert_close(x.grad, 1 + 2 * x.detach())


def test_without_a_rate_or_in_evaluation_it_is_the_parent():
    """Outputs, gradients and names; a rate of 0.05 of five images leaves none out."""
    for options, training in (({}, True), (dict(drop_path_rate=0.5), False)):
        ours = vit(drop_path_by='batch', with_mask_token=False, **options)
        theirs = vit(VisionTransformer, **options)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        outputs = []
        for network in (ours, theirs):
            network.train(training)
            outputs.append(network(IMAGES)[-1])
            outputs[-1].square().sum().backward()
        torch.testing.assert_close(*outputs)
        for a, b in zip(ours.parameters(), theirs.parameters()):
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('recompute', ['nothing', 'cheap', 'blocks'])
def test_a_share_passes_a_block(recompute):
    """Rates grow from 0 in the first block to 0.4 in the last: 5 and 3 of 5 images."""
    network = vit(drop_path_by='batch', drop_path_rate=0.4, recompute=recompute)
    network.train()
    seen = []
    for layer in network.layers:
        for part in (layer.attn, layer.ffn.layers):
            part.register_forward_hook(lambda _part, inputs, _output: seen.append(len(inputs[0])))
    torch.manual_seed(2)
    output = network(IMAGES)[-1]
    assert seen == [5, 5, 3, 3]
    output.square().sum().backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    plain = vit(drop_path_by='batch', drop_path_rate=0.4, recompute='nothing')
    plain.train()
    torch.manual_seed(2)
    plain(IMAGES)[-1].square().sum().backward()
    expected = [p.grad for p in plain.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(gradients, expected, strict=True))


def test_windows_are_refused():
    with pytest.raises(ValueError, match="drop_path_by='image' only"):
        WindowedVisionTransformer(arch=ARCH, img_size=16, patch_size=4, drop_path_by='batch')
