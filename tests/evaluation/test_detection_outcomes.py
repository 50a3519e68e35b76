"""What groups of images contribute to COCO's average precision."""

import io
import json
from contextlib import redirect_stdout

import numpy as np
import pytest
from mmdet.registry import METRICS
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import mmmask.registration  # noqa: F401
from mmmask.evaluation.detection_outcomes import class_precision, detection_outcomes

NAMES = ['mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l']
RECALLS = np.linspace(0, 1, 101)


def evaluated(truth, found, images=None):
    """An evaluation of boxes (image, class, box) and (image, class, box, score)."""
    coco = COCO()
    coco.dataset = dict(
        info={},
        images=[dict(id=image, height=200, width=200) for image in range(1, 1 + 24)],
        categories=[dict(id=label, name=str(label)) for label in (1, 2, 3)],
        annotations=[
            dict(id=i, image_id=image, category_id=label, bbox=box, iscrowd=0, area=box[2] * box[3])
            for i, (image, label, box) in enumerate(truth, start=1)
        ],
    )
    found = [dict(image_id=i, category_id=c, bbox=box, score=s) for i, c, box, s in found]
    with redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), 'bbox')
        evaluation.params.imgIds = images or evaluation.params.imgIds
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def some(seed=0):
    """Objects of all sizes on 23 of 24 images, and detections of most of them and of none."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for image in range(1, 24):
        for _ in range(rng.integers(1, 5)):
            label, side = int(rng.integers(1, 3)), float(rng.choice([10, 20, 60, 110]))
            box = [*rng.uniform(0, 200 - side, 2).round(1).tolist(), side, side]
            truth.append((image, label, box))
            if rng.random() < 0.8:
                moved = (np.array(box) + rng.normal(0, 0.06 * side, 4)).tolist()
                found.append((image, label, moved, float(rng.integers(5, 20)) / 20))  # many equal
        found.append((image, int(rng.integers(1, 4)), [5.0, 5, 30, 30], float(rng.random())))
    return truth, found


def test_without_each_group_it_is_what_pycocotools_computes():
    """Group g has the images g + 1, g + 6, ... of 24; no object is of class 3."""
    truth, found = some()
    whole = evaluated(truth, found)
    outcomes = detection_outcomes(whole, groups=5)
    without = np.array(
        [
            evaluated(truth, found, [i for i in range(1, 25) if (i - 1) % 5 != group]).stats[:6]
            for group in range(5)
        ]
    )
    expected = whole.stats[:6] + 4 * (without.mean(axis=0) - without)  # (5, 6)
    assert list(outcomes) == NAMES and 0.1 < whole.stats[0] < 0.9
    np.testing.assert_allclose(np.stack(list(outcomes.values()), axis=1), expected, atol=1e-12)
    means = [values.mean() for values in outcomes.values()]
    np.testing.assert_allclose(means, whole.stats[:6], atol=1e-12)


def test_one_class_by_hand():
    """By falling score: right (group 0), wrong (1), right (1); two objects in group 1, one in 0.

    All images: precision 1 up to a recall of 1/3, then 2/3 up to 2/3. Without group 0: wrong, right
    of two objects, 1/2 up to 1/2. Without group 1: 1 everywhere.
    """
    right, counted = np.array([[1, 0, 1]], bool), np.ones((1, 3), bool)
    found = class_precision(right, counted, np.array([0, 1, 1]), np.array([1, 2]), RECALLS)
    assert found == pytest.approx(np.array([[(34 + 33 * 2 / 3) / 101, 51 * 0.5 / 101, 1]]))
    # What doesn't count, a detection of a crowd for example, is no wrong one.
    found = class_precision(right, right, np.array([0, 1, 1]), np.array([1, 2]), RECALLS)
    assert found == pytest.approx(np.array([[67 / 101, 51 / 101, 1]]))
    found = class_precision(right, counted, np.array([0, 0, 0]), np.array([3, 0]), RECALLS)
    assert np.isnan(found[0, 1]) and found[0, 0] == found[0, 2] > 0


def test_the_standard_error_is_that_of_a_bootstrap():
    """Of 24 images, each one a group, drawn 100 times with replacement: within a quarter."""
    truth, found = some(1)
    outcomes = detection_outcomes(evaluated(truth, found))['mAP_50']
    assert len(outcomes) == 24
    rng, drawn = np.random.default_rng(0), []
    for _ in range(100):
        images = rng.integers(1, 25, 24)
        again = [
            [(new, *rest) for new, old in enumerate(images, 1) for i, *rest in boxes if i == old]
            for boxes in (truth, found)
        ]
        drawn.append(evaluated(*again).stats[1])
    assert outcomes.std(ddof=1) / 24**0.5 == pytest.approx(np.std(drawn), rel=0.25)


def test_a_class_that_one_group_has_alone():
    """Without image 1 there is no object: no contribution can be told."""
    box = [10.0, 10, 40, 40]
    assert detection_outcomes(evaluated([(1, 1, box)], [(1, 1, box, 0.5)])) == {}


def test_mmdets_metric_under_its_name_keeps_them(tmp_path):
    """Twelve images, an object on each; five of the six in group 0, 2, ... are found."""
    truth = evaluated([(i, 1, [10.0, 10, 40, 40]) for i in range(1, 25)], [(1, 1, [0.0] * 4, 0.1)])
    (tmp_path / 'truth.json').write_text(json.dumps(truth.cocoGt.dataset))
    config = dict(type='mmdet.CocoMetric', ann_file=str(tmp_path / 'truth.json'), metric='bbox')
    metric = METRICS.build(config)
    metric.dataset_meta = dict(classes=('1', '2', '3'))
    corners = np.float32([[10, 10, 50, 50]])
    results = [
        (
            dict(img_id=i, height=200, width=200),
            dict(img_id=i, bboxes=corners + 99 * (i % 4 == 0), labels=[0], scores=[0.5 + i / 99]),
        )
        for i in range(1, 25)
    ]
    with redirect_stdout(io.StringIO()):
        found = metric.compute_metrics(results)
    groups = metric.outcomes['coco/bbox_mAP']
    assert len(groups) == 24 and metric.outcome_unit == 'image group'
    assert groups.mean() == pytest.approx(found['bbox_mAP'], abs=0.0005)
    assert groups[3] < groups[0]  # image 4 is missed
    assert 'coco/bbox_mAP_s' not in metric.outcomes  # no small object


@pytest.mark.parametrize('opened', ['when built', 'from the images'])
def test_a_detector_without_a_detection_has_an_average_precision_of_0(tmp_path, opened):
    """Objects are of 40 x 40 pixels: medium ones. Without small or large ones there is none: -1."""
    truth = evaluated([(i, 1, [10.0, 10, 40, 40]) for i in range(1, 25)], [(1, 1, [0.0] * 4, 0.1)])
    (tmp_path / 'truth.json').write_text(json.dumps(truth.cocoGt.dataset))
    file = str(tmp_path / 'truth.json') if opened == 'when built' else None
    metric = METRICS.build(dict(type='mmdet.CocoMetric', ann_file=file, metric='bbox'))
    metric.dataset_meta = dict(classes=('1', '2', '3'))
    nothing = dict(bboxes=np.zeros((0, 4), np.float32), labels=[], scores=[])
    object_ = dict(bbox=[10.0, 10, 50, 50], bbox_label=0, ignore_flag=0)
    results = [
        (dict(img_id=i, height=200, width=200, anns=[object_]), dict(img_id=i, **nothing))
        for i in range(1, 25)
    ]
    with redirect_stdout(io.StringIO()):
        found = metric.compute_metrics(results)
    assert list(found) == [f'bbox_{name}' for name in NAMES]
    assert list(found.values()) == [0, 0, 0, -1, 0, -1]
    assert list(metric.outcomes) == [
        f'coco/bbox_{name}' for name in NAMES if name[-2:] not in ('_s', '_l')
    ]
    assert all((groups == 0).all() and len(groups) == 24 for groups in metric.outcomes.values())
