"""GPA's loss of predicted attention, with numbers worked by hand."""

import pytest
import torch

from mmmask.models.losses import masked_attention_loss

# Image 0: mean 3, unbiased variance (4 + 1 + 0 + 9) / 3 = 14 / 3. Image 1: mean 0, 100 / 3.
SCORES = torch.tensor([[1.0, 2.0, 3.0, 6.0], [-5.0, 5.0, 5.0, -5.0]], dtype=torch.float64)
MASK = torch.tensor([[True, False, False, True], [False, True, True, True]])
PREDICTION = torch.tensor([[0.0, 9.0, 9.0, 4.0], [9.0, 5.0, 7.0, -6.0]], dtype=torch.float64)


def test_raw_scores():
    # Errors 1 and 2; 0, 2 and 1: (1 + 4 + 0 + 4 + 1) / 5 masked patches of the batch.
    loss = masked_attention_loss(PREDICTION, SCORES, MASK, standardise=False)
    assert loss.item() == pytest.approx(2.0, rel=1e-12)


def test_standardised_over_all_patches_of_the_image():
    first, second = (14 / 3 + 1e-6) ** 0.5, (100 / 3 + 1e-6) ** 0.5
    errors = [0 + 2 / first, 4 - 3 / first, 5 - 5 / second, 7 - 5 / second, -6 + 5 / second]
    expected = sum(error**2 for error in errors) / 5
    loss = masked_attention_loss(PREDICTION, SCORES, MASK)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_scale_and_shift_of_scores_do_not_matter_when_standardised():
    loss = masked_attention_loss(PREDICTION, SCORES, MASK)
    other = masked_attention_loss(PREDICTION, 300 * SCORES - 70, MASK)
    assert other.item() == pytest.approx(loss.item(), rel=1e-6)  # but for the 1e-6


def test_equal_scores_are_no_division_by_zero():
    loss = masked_attention_loss(PREDICTION, torch.full_like(SCORES, 2.0), MASK)
    assert loss.item() == pytest.approx((0 + 16 + 25 + 49 + 36) / 5, rel=1e-12)


def test_visible_patches_do_not_count():
    changed = torch.where(MASK, PREDICTION, 1e3)
    assert torch.equal(
        masked_attention_loss(changed, SCORES, MASK),
        masked_attention_loss(PREDICTION, SCORES, MASK),
    )


def test_half_precision_counts_exactly():
    """Under autocast predictions are bfloat16, in which 301 can't be told from 302."""
    mask = torch.ones(1, 301, dtype=torch.bool)
    scores = torch.zeros(1, 301)
    prediction = torch.ones(1, 301, dtype=torch.bfloat16)
    loss = masked_attention_loss(prediction, scores, mask)
    assert loss.dtype == torch.float32 and loss.item() == 1.0
