"""Keep the outcome of each image of a classifier's accuracy."""

from __future__ import annotations

import mmpretrain.evaluation
import torch
from mmpretrain.registry import METRICS


@METRICS.register_module(force=True)
class Accuracy(mmpretrain.evaluation.Accuracy):
    """mmpretrain's accuracy, under its name, which keeps each image's 100 or 0 as ``outcomes``.

    Attributes:
        outcomes: ``{'accuracy/top1': (N,), ...}`` of the last evaluation, in the data set's order.
            With several thresholds there are none.
    """

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return the parent's metrics."""
        metrics = super().compute_metrics(results)
        if len(self.thrs) == 1 and 'pred_score' in results[0]:
            scores = torch.stack([one['pred_score'] for one in results]).float()
            best, label = scores.topk(max(self.topk))  # (N, k)
            right = label == torch.stack([one['gt_label'] for one in results])
            if self.thrs[0] is not None:
                right &= best > self.thrs[0]
            self.outcomes = {
                f'{self.prefix}/top{k}': 100.0 * right[:, :k].any(dim=1).numpy() for k in self.topk
            }
        return metrics
