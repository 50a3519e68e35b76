"""DINO's projection against its formula in float64."""

import math

import pytest
import torch

from mmmask.models.necks import DINOProjection


def randomised(**kwargs):
    neck = DINOProjection(3, 5, hidden_channels=4, bottleneck_channels=2, **kwargs).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in neck.parameters():
        parameter.data.normal_(generator=generator)
    return neck


def naive_logits(neck, token):
    """Token (C,) -> logits (K,), in plain Python."""
    weights = {name: value.tolist() for name, value in neck.state_dict().items()}
    values = token.tolist()
    layers = sorted(int(k.split('.')[1]) for k in weights if k.startswith('mlp') and 'bias' in k)
    for index in layers:
        rows, biases = weights[f'mlp.{index}.weight'], weights[f'mlp.{index}.bias']
        values = [sum(w * v for w, v in zip(row, values)) + b for row, b in zip(rows, biases)]
        if index != layers[-1]:
            values = [v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in values]
    norm = math.sqrt(sum(v * v for v in values))
    values = [v / norm for v in values]
    gains = weights['last_layer.parametrizations.weight.original0']
    directions = weights['last_layer.parametrizations.weight.original1']
    logits = []
    for (gain,), direction in zip(gains, directions):
        length = math.sqrt(sum(d * d for d in direction))
        logits.append(gain * sum(d * v for d, v in zip(direction, values)) / length)
    return logits


@pytest.mark.parametrize('num_layers', [1, 2, 3])
def test_follows_the_formula(num_layers):
    neck = randomised(num_layers=num_layers, norm_last_layer=False)
    tokens = torch.randn(2, 3, 3, dtype=torch.float64)
    expected = [[naive_logits(neck, token) for token in image] for image in tokens]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(neck(tokens), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(neck.bottleneck(tokens).norm(dim=-1), torch.ones(2, 3).double())


def test_by_hand():
    neck = DINOProjection(2, 2, bottleneck_channels=2, num_layers=1, norm_last_layer=False)
    neck.mlp[0].weight.data.copy_(torch.eye(2))
    neck.mlp[0].bias.data.zero_()
    weight = neck.last_layer.parametrizations.weight
    weight.original0.data.copy_(torch.tensor([[2.0], [1.0]]))
    weight.original1.data.copy_(torch.tensor([[10.0, 0.0], [3.0, 4.0]]))
    # (3, 4) -> (0.6, 0.8); 2 (1, 0) . (0.6, 0.8) = 1.2; (0.6, 0.8) . (0.6, 0.8) = 1.
    torch.testing.assert_close(neck(torch.tensor([[3.0, 4.0]])), torch.tensor([[1.2, 1.0]]))


@pytest.mark.parametrize('fixed', [True, False])
def test_norm_last_layer_fixes_the_gain(fixed):
    neck = DINOProjection(3, 5, hidden_channels=4, bottleneck_channels=2, norm_last_layer=fixed)
    neck.init_weights()
    gain = neck.last_layer.parametrizations.weight.original0
    assert gain.shape == (5, 1) and (gain == 1).all()
    assert gain.requires_grad is not fixed
    torch.testing.assert_close(neck.last_layer.weight.norm(dim=1), torch.ones(5))
    neck(torch.randn(4, 3)).square().sum().backward()
    assert (gain.grad is None) == fixed
    assert neck.last_layer.parametrizations.weight.original1.grad is not None


def test_defaults_are_the_papers():
    neck = DINOProjection(16, 32)
    shapes = {name: tuple(value.shape) for name, value in neck.named_parameters()}
    assert shapes == {
        'mlp.0.weight': (2048, 16),
        'mlp.0.bias': (2048,),
        'mlp.2.weight': (2048, 2048),
        'mlp.2.bias': (2048,),
        'mlp.4.weight': (256, 2048),
        'mlp.4.bias': (256,),
        'last_layer.parametrizations.weight.original0': (32, 1),
        'last_layer.parametrizations.weight.original1': (32, 256),  # no bias
    }


def test_mean_logits_are_the_logits_of_the_mean_bottleneck():
    neck = randomised(norm_last_layer=False)
    tokens = torch.randn(4, 6, 3, dtype=torch.float64)
    mean = neck.bottleneck(tokens).mean(dim=(0, 1))
    torch.testing.assert_close(
        neck.logits(mean), neck(tokens).mean(dim=(0, 1)), rtol=1e-12, atol=1e-14
    )


def test_initial_weights():
    torch.manual_seed(0)
    neck = DINOProjection(64, 8, hidden_channels=128, bottleneck_channels=64)
    neck.init_weights()
    for index in (0, 2, 4):
        # 8192 values or more: the standard deviation is known to 0.8 %; four of these.
        assert neck.mlp[index].weight.std().item() == pytest.approx(0.02, rel=0.032)
        assert not neck.mlp[index].bias.any()


def test_needs_a_layer():
    with pytest.raises(ValueError, match='at least one layer'):
        DINOProjection(3, 5, num_layers=0)


@pytest.mark.parametrize('kind', ['BN', 'BN1d', 'SyncBN'])
def test_batch_normalisation_behind_each_hidden_layer(kind):
    neck = randomised(norm_cfg=dict(type=kind))
    tokens = torch.randn(6, 3, dtype=torch.float64)
    values = tokens
    for index in (0, 3):
        values = values @ neck.mlp[index].weight.T + neck.mlp[index].bias
        deviations = values - values.mean(dim=0)
        values = deviations / ((deviations**2).mean(dim=0) + 1e-5).sqrt()
        values = values * neck.mlp[index + 1].weight + neck.mlp[index + 1].bias
        values = values * 0.5 * (1 + torch.erf(values / math.sqrt(2)))
    values = values @ neck.mlp[6].weight.T + neck.mlp[6].bias
    expected = values / values.norm(dim=1, keepdim=True)
    torch.testing.assert_close(neck.bottleneck(tokens), expected, rtol=1e-10, atol=1e-12)
    # The shape of the tokens doesn't matter: the statistics are those of all of them.
    found = neck.bottleneck(tokens.reshape(2, 3, 3))
    torch.testing.assert_close(found, expected.reshape(2, 3, 2), rtol=1e-10, atol=1e-12)


def test_names_of_parameters_are_the_same_with_synchronised_norms():
    names = [list(randomised(norm_cfg=dict(type=kind)).state_dict()) for kind in ('BN', 'SyncBN')]
    assert names[0] == names[1] and 'mlp.4.running_var' in names[0]
