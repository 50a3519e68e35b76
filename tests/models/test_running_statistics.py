"""Running statistics by hand."""

import pytest
import torch
from torch import nn

from mmmask.models.running_statistics import batch_norms, running_statistics


def network():
    return nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1), nn.BatchNorm1d(1)).double()


def buffers(module):
    return {name: value.clone() for name, value in module.named_buffers()}


def test_batch_norms_are_found_wherever_they_are():
    inner = nn.ModuleDict(dict(a=nn.SyncBatchNorm(2), b=nn.LayerNorm(2)))
    module = nn.ModuleList([nn.BatchNorm2d(3), inner, nn.BatchNorm1d(2, track_running_stats=False)])
    assert [type(m) for m in batch_norms(module)] == [nn.BatchNorm2d, nn.SyncBatchNorm]
    assert batch_norms(nn.Linear(2, 2)) == []


def test_only_the_samples_outside_count():
    norm = nn.BatchNorm1d(1, momentum=0.1, affine=False).double()
    norm(torch.tensor([[2.0], [4.0]]).double())  # mean 3, unbiased variance 2
    assert norm.running_mean.item() == pytest.approx(0.3)
    assert norm.running_var.item() == pytest.approx(0.9 + 0.2)
    before = buffers(norm)
    with running_statistics(norm, update=False):
        out = norm(torch.tensor([[100.0], [300.0]]).double())
    # By the batch's own: mean 200, biased deviation 100.
    torch.testing.assert_close(out, torch.tensor([[-1.0], [1.0]]).double(), rtol=1e-6, atol=0)
    for name, value in buffers(norm).items():
        assert torch.equal(value, before[name]), name
    norm(torch.tensor([[2.0], [4.0]]).double())
    assert norm.running_mean.item() == pytest.approx(0.9 * 0.3 + 0.3)
    assert norm.num_batches_tracked.item() == 2


@pytest.mark.parametrize('update', [True, False])
def test_the_output_and_the_gradient_are_those_of_training_mode(update):
    torch.manual_seed(0)
    plain, module, batch = network(), network(), torch.randn(5, 1).double()
    module.load_state_dict(plain.state_dict())
    expected = plain(batch)
    expected.square().sum().backward()
    with running_statistics(module, update):
        found = module(batch)
    found.square().sum().backward()
    assert torch.equal(found, expected)
    for mine, theirs in zip(module.parameters(), plain.parameters()):
        assert torch.equal(mine.grad, theirs.grad)
    moved = {
        name
        for name, value in buffers(module).items()
        if not torch.equal(value, dict(network().named_buffers())[name])
    }
    assert moved == (set(buffers(module)) if update else set())


def test_evaluation_mode_uses_the_running_statistics_inside_too():
    module = network()
    module(torch.randn(5, 1).double())
    module.eval()
    batch = torch.randn(3, 1).double()
    expected = module(batch)
    with running_statistics(module, update=False):
        assert torch.equal(module(batch), expected)


def test_layers_come_back_also_after_an_error():
    module = network()
    with pytest.raises(RuntimeError, match='stop'), running_statistics(module, update=False):
        raise RuntimeError('stop')
    assert all(layer.track_running_stats for layer in batch_norms(module))
