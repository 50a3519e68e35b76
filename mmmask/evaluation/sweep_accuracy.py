"""Measure the accuracy of every probe of a sweep."""

from __future__ import annotations

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpretrain.registry import METRICS
from torch import Tensor

from .ranks import top_outcomes


@METRICS.register_module()
class SweepAccuracy(BaseMetric):
    """Measure top-1 and top-5 accuracy in per cent of every probe of a ``LinearProbe``.

    With one probe, ``linear/top1`` is its accuracy. With several it is that of the probe which
    ``SweepTrainLoop`` has selected on held-out training images. Where none has been selected, it is
    the *best probe on the very set that is measured*, as iBOT reports it. ``protocol_values`` and
    the log say which of the two. ``linear/num_lrs`` is the number of rates, ``linear/best_lr`` the
    rate of the reported probe. Each probe is there as ``linear/top1_lr0.003``. Top-5 is left out
    where there are five classes or fewer. Scores that are not finite are wrong.

    Attributes:
        protocol_values: How the reported probe was selected, for ``result.json``.
        outcomes: 100 or 0 of each image by the reported probe, (N,), as ``linear/top1`` and so on.
    """

    default_prefix = 'linear'

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Keep the rank of the true class for each probe."""
        scores = torch.stack([sample['sweep_scores'] for sample in data_samples])  # (B, n, C)
        labels = torch.cat([sample['gt_label'] for sample in data_samples]).to(scores.device)
        own = scores.gather(2, labels[:, None, None].expand(-1, scores.shape[1], 1))
        ranks = (scores > own).sum(dim=2)
        ranks[~scores.isfinite().all(dim=2)] = scores.shape[2]
        self.probes = data_samples[0]['sweep_probes']
        self.selected = data_samples[0]['sweep_selected']
        self.num_classes = scores.shape[2]
        self.results.extend(ranks.cpu())

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Return the metrics of all images' ranks, a list of (n,) tensors."""
        right = top_outcomes(torch.stack(results), self.num_classes)  # (N, n) of each top
        accuracy = {top: images.mean(dim=0) for top, images in right.items()}
        count = len(self.probes)
        best = int(accuracy[1].argmax()) if self.selected is None else self.selected
        probe = self.probes[best]
        self.outcomes = {f'{self.prefix}/top{t}': r[:, best].numpy() for t, r in right.items()}
        metrics = {f'top{top}': float(values[best]) for top, values in accuracy.items()}
        metrics.update(best_lr=probe.lr, num_lrs=len({probe.lr for probe in self.probes}))
        if count > metrics['num_lrs']:
            metrics['num_probes'] = count
        if count > 1:
            where = 'this set' if self.selected is None else 'held-out training images'
            MMLogger.get_current_instance().info(
                f'linear/top1 is the best of {count} probes ({probe.name}), selected on {where}'
            )
            for i, one in enumerate(self.probes):
                metrics.update({f'top{t}_{one.name}': float(v[i]) for t, v in accuracy.items()})
        return metrics

    @property
    def protocol_values(self) -> dict[str, str | int]:
        """Return the reported probe's selection: where, and of how many."""
        if len(self.probes) == 1:
            return dict(selected_on='nothing: there is one probe', probes=1)
        where = 'validation' if self.selected is None else 'held-out training images'
        return dict(selected_on=where, probes=len(self.probes))
