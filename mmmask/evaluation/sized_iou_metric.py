"""Measure mmseg's segmenters at a chosen size.

mmseg imports this module when it first looks for a metric, see :mod:`mmmask.registration`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.evaluation.metrics import IoUMetric
from mmseg.registry import METRICS

from .mean_iou import at_size, compared_size


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
