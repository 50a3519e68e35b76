"""The outcomes of images of a classifier's accuracy."""

import pytest
import torch

from mmmask.evaluation import Accuracy

SCORES = torch.tensor([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
SAMPLES = [
    dict(pred_score=scores, gt_label=torch.tensor([label]))
    for scores, label in zip(SCORES, (0, 1, 0))
]


@pytest.mark.parametrize(
    ('threshold', 'top1', 'top2'),
    [(0.0, [100, 0, 0], [100, 100, 0]), (0.4, [100, 0, 0], [100, 0, 0]), (None, None, None)],
)
def test_each_top_has_outcomes_whose_mean_it_is(threshold, top1, top2):
    metric = Accuracy(topk=(1, 2), thrs=threshold)
    metric.process({}, SAMPLES)
    found = metric.evaluate(3)
    assert {name: one.mean() for name, one in metric.outcomes.items()} == pytest.approx(found)
    if top1:
        assert metric.outcomes['accuracy/top1'].tolist() == top1
        assert metric.outcomes['accuracy/top2'].tolist() == top2


def test_several_thresholds_have_none():
    metric = Accuracy(thrs=(0.1, 0.6))
    metric.process({}, SAMPLES)
    assert set(metric.evaluate(3)) == {'accuracy/top1_thr-0.10', 'accuracy/top1_thr-0.60'}
    assert not hasattr(metric, 'outcomes')
