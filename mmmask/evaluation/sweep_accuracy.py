"""Measure the accuracy of every learning rate of a sweep."""

from __future__ import annotations

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpretrain.registry import METRICS


@METRICS.register_module()
class SweepAccuracy(BaseMetric):
    """Measure top-1 and top-5 accuracy in per cent of every learning rate of a ``LinearProbe``.

    ``linear/top1`` is the *best of n learning rates*, chosen on the very set that is measured, as
    iBOT reports it; ``linear/num_lrs`` says n and ``linear/best_lr`` which. With one rate it is
    simply the accuracy; with several, each is there as ``linear/top1_lr0.003``. Top-5 is left out
    where there are five classes or fewer. Scores that are not finite are wrong.
    """

    default_prefix = 'linear'

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Keep the rank of the true class for each learning rate."""
        scores = torch.stack([sample['sweep_scores'] for sample in data_samples])  # (B, n, C)
        labels = torch.cat([sample['gt_label'] for sample in data_samples]).to(scores.device)
        own = scores.gather(2, labels[:, None, None].expand(-1, scores.shape[1], 1))
        ranks = (scores > own).sum(dim=2)
        ranks[~scores.isfinite().all(dim=2)] = scores.shape[2]
        self.lrs = data_samples[0]['sweep_lrs']
        self.tops = [top for top in (1, 5) if top == 1 or top < scores.shape[2]]
        self.results.extend(ranks.cpu())

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the metrics of all images' ranks, a list of (n,) tensors."""
        ranks = torch.stack(results)  # (N, n)
        accuracy = {top: (ranks < top).double().mean(dim=0) * 100 for top in self.tops}
        best = int(accuracy[1].argmax())
        metrics = {f'top{top}': float(values[best]) for top, values in accuracy.items()}
        metrics.update(best_lr=self.lrs[best], num_lrs=len(self.lrs))
        if len(self.lrs) > 1:
            MMLogger.get_current_instance().info(
                f'linear/top1 is the best of {len(self.lrs)} learning rates ({self.lrs[best]:g}), '
                'chosen on this set'
            )
            for i, lr in enumerate(self.lrs):
                metrics.update({f'top{t}_lr{lr:g}': float(v[i]) for t, v in accuracy.items()})
        return metrics
