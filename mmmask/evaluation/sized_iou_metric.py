"""Measure mmseg's segmenters: keep what each image contributes, at a chosen size.

mmseg imports this module when it first looks for a metric, see :mod:`mmmask.registration`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mmseg.evaluation.metrics
import numpy as np
from mmseg.registry import METRICS

from .mean_iou import at_size, compared_size
from .metrics import ratio_outcomes


@METRICS.register_module(force=True)
class IoUMetric(mmseg.evaluation.metrics.IoUMetric):
    """mmseg's ``IoUMetric``, under its name, which keeps what each image contributes.

    Attributes:
        outcomes: ``{'mIoU': (N,), 'mAcc': (N,), 'aAcc': (N,)}`` of the last evaluation, in the data
            set's order, see :func:`~mmmask.evaluation.metrics.ratio_outcomes`. With Dice as a
            metric there is ``mDice``, too. Their means are the metrics, which mmseg rounds to 0.01.
    """

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Return the parent's metrics of the areas (right, covered, found, true) of all images."""
        metrics = super().compute_metrics(results)
        if not metrics:  # predictions are only written
            return metrics
        right, covered, found, true = np.array([np.stack(one) for one in results]).swapaxes(0, 1)
        pairs = dict(mIoU=(right, covered), mAcc=(right, true), mDice=(2 * right, found + true))
        ratios = {name: ratio_outcomes(*pair, self.nan_to_num) for name, pair in pairs.items()}
        pixels = [areas.sum(axis=1, keepdims=True) for areas in (right, true)]
        ratios['aAcc'] = ratio_outcomes(*pixels)
        prefix = f'{self.prefix}/' if self.prefix else ''
        self.outcomes = {
            f'{prefix}{name}': 100 * ratios[name] for name in ratios if name in metrics
        }
        return metrics


@METRICS.register_module()
class SizedIoUMetric(IoUMetric):
    """Compute mmseg's ``IoUMetric`` on label maps of a named size.

    Published tables differ in it, and by points. mmseg compares each image at its own size. Others
    compare at 448 pixels or at 100, where thin objects count less.

    Args:
        size: Pixels of a square, or (height, width). Class scores are resized bilinearly, and true
            maps by nearest pixels. None: as ``IoUMetric``.
        **options: Those of ``IoUMetric``.

    Raises:
        UserError: If the size is no size.
    """

    def __init__(self, size: int | tuple[int, int] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.size = compared_size(size)

    @property
    def protocol_values(self) -> dict:
        """Return the size at which maps are compared, for ``result.json``."""
        return dict(compared_size=list(self.size) if self.size else 'original')

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare a batch: ``seg_logits`` (K, H, W) with ``gt_sem_seg`` (1, H, W)."""
        if self.size is not None:
            data_samples = [self._resized(sample) for sample in data_samples]
        super().process(data_batch, data_samples)

    def _resized(self, sample: dict) -> dict:
        scores, truth = (sample[key]['data'] for key in ('seg_logits', 'gt_sem_seg'))
        found, truth = at_size(scores, truth[0].to(scores.device), self.size)
        return dict(sample, pred_sem_seg=dict(data=found), gt_sem_seg=dict(data=truth))
