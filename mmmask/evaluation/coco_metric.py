"""Keep what groups of images contribute to COCO's average precision.

mmdet imports this module when it first looks for a metric, see :mod:`mmmask.registration`.
"""

from __future__ import annotations

import json
from pathlib import Path

from mmdet.evaluation.metrics import coco_metric
from mmdet.registry import METRICS
from mmengine.fileio.handlers.json_handler import set_default
from pycocotools.cocoeval import COCOeval

from .detection_outcomes import detection_outcomes


class COCO(coco_metric.COCO):
    """mmdet's ``COCO``, which loads results without a single detection, too.

    pycocotools' raises an IndexError, and mmdet then gives no metric. A detector that finds nothing
    has an average precision of 0.
    """

    def loadRes(self, results: list[dict]) -> coco_metric.COCO:  # noqa: N802
        """Return the results as a data set of the same images."""
        if results:
            return super().loadRes(results)
        nothing = type(self)()
        nothing.dataset = {**self.dataset, 'annotations': []}
        nothing.createIndex()
        return nothing


coco_metric.COCO = COCO  # also for the file that a metric opens when it is built


@METRICS.register_module(force=True)
class CocoMetric(coco_metric.CocoMetric):
    """mmdet's ``CocoMetric``, under its name, which keeps what groups of images contribute.

    Attributes:
        outcomes: ``{'coco/bbox_mAP': (G,), ...}`` of the last evaluation, see
            :func:`~mmmask.evaluation.detection_outcomes.detection_outcomes`. Their means are the
            metrics, which mmdet rounds to 0.001. With ``use_mp_eval`` there are none.
    """

    outcome_unit = 'image group'
    evaluation: type[COCOeval] = COCOeval

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the metrics of the results (truth, prediction) of all images."""
        made: list[COCOeval] = []

        def evaluation(*arguments) -> COCOeval:
            made.append(self.evaluation(*arguments))
            return made[-1]

        used = dict(COCOeval=evaluation, dump=_dump)
        own = {name: getattr(coco_metric, name) for name in used}
        vars(coco_metric).update(used)
        try:
            metrics = super().compute_metrics(results)
        finally:
            vars(coco_metric).update(own)
        self.outcomes = {}
        for one in made:
            if not one.evalImgs:  # of hotcoco
                continue
            for name, groups in detection_outcomes(one).items():
                kind = f'{one.params.iouType}_{name}'
                if kind in metrics:
                    self.outcomes[f'{self.prefix}/{kind}'] = groups
        return metrics


def _dump(content: object, file: str) -> None:
    """Write a JSON file at once, by json's compiled code: mmengine's writes part by part."""
    Path(file).write_text(json.dumps(content, default=set_default))
