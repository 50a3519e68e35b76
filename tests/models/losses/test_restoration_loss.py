"""MST's restoration loss by hand."""

import pytest
import torch

from mmmask.models.losses import restoration_loss


def images(*values):
    """Two images of two channels and 1 x 2 pixels."""
    return torch.tensor(values, dtype=torch.float64).reshape(2, 2, 1, 2)


RESTORED = images(1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0)
IMAGES = images(0.0, 4.0, 3.0, 1.0, 1.0, -1.0, 5.0, 1.0)
# Errors of image 0: channel 0 has 1, 2; channel 1 has 0, 3. Of image 1: 1, 1 and 5, 1.


def test_all_pixels():
    # Image 0: (1 + 2 + 0 + 3) / 4 = 1.5; image 1: (1 + 1 + 5 + 1) / 4 = 2.
    assert restoration_loss(RESTORED, IMAGES).item() == 1.75


def test_chosen_pixels():
    pixels = torch.tensor([[[True, False]], [[True, True]]])
    # Image 0: its first pixel, (1 + 0) / 2 = 0.5; image 1: 2.
    assert restoration_loss(RESTORED, IMAGES, pixels).item() == 1.25


def test_an_image_without_a_chosen_pixel_counts_0():
    pixels = torch.tensor([[[False, False]], [[False, True]]])
    assert restoration_loss(RESTORED, IMAGES, pixels).item() == 0.5  # (0 + (1 + 1) / 2) / 2
    restored = RESTORED.clone().requires_grad_()
    loss = restoration_loss(restored, IMAGES, torch.zeros(2, 1, 2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0 and not restored.grad.any()


def test_all_pixels_chosen_is_no_choice():
    generator = torch.Generator().manual_seed(0)
    restored, images = torch.randn(2, 4, 3, 5, 6, generator=generator, dtype=torch.float64)
    everything = torch.ones(4, 5, 6, dtype=torch.bool)
    chosen, plain = (restoration_loss(restored, images, p) for p in (everything, None))
    assert chosen.item() == pytest.approx(plain.item(), rel=1e-12)
    assert plain.item() == pytest.approx((restored - images).abs().mean().item(), rel=1e-12)


def test_half_precision_is_summed_in_single():
    restored = torch.full((1, 1, 64, 64), 100.0, dtype=torch.bfloat16)
    loss = restoration_loss(restored, torch.zeros(1, 1, 64, 64))
    assert loss.dtype is torch.float32 and loss.item() == 100
