"""GPA's head weighs the loss of predicted attention."""

import pytest
import torch
from mmpretrain.registry import MODELS


def build(**options):
    return MODELS.build(dict(type='AttentionPredictionHead', **options))


def test_weight_and_targets():
    prediction = torch.tensor([[[1.0], [5.0], [2.0]]])
    scores, mask = torch.tensor([[0.0, 4.0, 2.0]]), torch.tensor([[True, False, True]])
    # Raw: errors 1 and 0. Standardised targets (mean 2, variance 4): -1, 1, 0; errors 2 and 2.
    assert build(standardise=False).loss(prediction, scores, mask).item() == 0.5
    assert build().loss(prediction, scores, mask).item() == pytest.approx(4.0, rel=1e-5)
    assert build(weight=0.1).loss(prediction, scores, mask).item() == pytest.approx(0.4, rel=1e-5)


@pytest.mark.parametrize('weight', [0, -1.0])
def test_a_weight_that_is_not_positive(weight):
    with pytest.raises(ValueError, match='weight must be positive') as error:
        build(weight=weight)
    assert '\n' not in str(error.value)
