"""Compute COCO's average precision by compiled code, to the last bit as pycocotools.

mmdet imports this module when it first looks for a metric, see :mod:`mmmask.registration`.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.evaluation.metrics import coco_metric
from mmdet.registry import METRICS
from mmengine.fileio.handlers.json_handler import set_default
from pycocotools.cocoeval import COCOeval

from mmmask.utils.errors import UserError


class HotCOCOeval(COCOeval):
    """Evaluate as pycocotools does, but match objects and sum up in hotcoco.

    Reading of the files, parameters and summary are pycocotools' own.
    """

    def evaluate(self) -> None:
        """Match detections with objects, for each image, class and range of areas."""
        import hotcoco

        # Not by hotcoco's loadRes: pycocotools' has set the areas, of boxes or of masks.
        sides = (hotcoco.COCO(side.dataset) for side in (self.cocoGt, self.cocoDt))
        self._engine = hotcoco.COCOeval(*sides, self.params.iouType)
        given = self.params
        # pycocotools sorts these, too.
        given.imgIds, given.catIds = (
            np.unique(ids).tolist() for ids in (given.imgIds, given.catIds)
        )
        given.maxDets = sorted(given.maxDets)
        for name in ('imgIds', 'catIds', 'maxDets', 'iouThrs', 'recThrs', 'useCats'):
            setattr(self._engine.params, name, getattr(given, name))
        self._engine.evaluate()

    def accumulate(self, p: None = None) -> None:
        """Compute ``eval``: precision (T, R, K, A, M), its scores, and recall (T, K, A, M).

        T are thresholds of the overlap, R of the recall, K classes, A ranges of areas, and M
        numbers of detections.
        """
        self._engine.accumulate()
        names = ('precision', 'recall', 'scores')
        self.eval = {name: np.asarray(self._engine.eval[name]) for name in names}


@METRICS.register_module()
class HotCocoMetric(coco_metric.CocoMetric):
    """Compute mmdet's ``CocoMetric`` in a fraction of its time, with equal numbers.

    There is one difference: an object with the id 0 counts. In pycocotools it never matches, so the
    check before a run refuses such files.

    Args:
        **options: Those of ``CocoMetric``.

    Raises:
        UserError: If hotcoco isn't installed.
    """

    def __init__(self, **options: Any) -> None:
        if find_spec('hotcoco') is None:
            raise UserError(
                "HotCocoMetric needs hotcoco: pip install 'mmmask[fast-eval]', or keep CocoMetric."
            )
        super().__init__(**options)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the metrics of the results (truth, prediction) of all images."""
        used = {'COCOeval': HotCOCOeval, 'dump': _dump}
        own = {name: getattr(coco_metric, name) for name in used}
        vars(coco_metric).update(used)
        try:
            return super().compute_metrics(results)
        finally:
            vars(coco_metric).update(own)


def _dump(content: object, file: str) -> None:
    """Write a JSON file at once, by json's compiled code: mmengine's writes part by part."""
    Path(file).write_text(json.dumps(content, default=set_default))
