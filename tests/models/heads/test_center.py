"""The centre by hand."""

import pytest
import torch

from mmmask.models.heads import Center


def test_starts_at_zero_and_moves_by_a_tenth():
    center = Center(2, momentum=0.9).double()
    assert torch.equal(center.value, torch.zeros(1, 2).double())
    center.update(torch.tensor([[1.0, -2.0]], dtype=torch.float64))
    expected = torch.tensor([[0.1, -0.2]], dtype=torch.float64)
    torch.testing.assert_close(center.value, expected, rtol=1e-12, atol=0)
    center.update(torch.tensor([[3.0, 0.0]], dtype=torch.float64))
    # 0.9 x 0.1 + 0.1 x 3 = 0.39; 0.9 x -0.2 + 0 = -0.18.
    expected = torch.tensor([[0.39, -0.18]], dtype=torch.float64)
    torch.testing.assert_close(center.value, expected, rtol=1e-12, atol=0)


def test_is_saved_but_not_trained():
    center = Center(3)
    assert list(center.state_dict()) == ['value']
    assert list(center.parameters()) == []


def test_half_precision_means_are_averaged_in_float32():
    center = Center(1, momentum=0.5)
    center.update(torch.tensor([[1.0]], dtype=torch.bfloat16))
    assert center.value.dtype == torch.float32 and center.value.item() == 0.5


@pytest.mark.parametrize('momentum', [-0.1, 1.1])
def test_momentum_outside_its_range(momentum):
    with pytest.raises(ValueError, match='momentum must be in'):
        Center(2, momentum)
