"""HotCocoMetric gives what mmdet's CocoMetric gives, by pycocotools, to the last bit."""

import copy
import io
import json
from contextlib import redirect_stdout

import numpy as np
import pycocotools.mask as masks
import pytest
from mmdet.evaluation.metrics import CocoMetric, coco_metric
from mmdet.registry import METRICS
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import mmmask.registration  # noqa: F401
from mmmask.datasets.miniatures import write_miniature
from mmmask.evaluation.hot_coco_metric import HotCOCOeval, HotCocoMetric
from mmmask.utils.errors import UserError

SIZE = dict(height=120, width=200)


def rectangle(box):
    """A mask of a box (x, y, width, height), as files have it."""
    mask = np.zeros((SIZE['height'], SIZE['width']), np.uint8, order='F')
    x, y, width, height = (round(v) for v in box)
    mask[max(y, 0) : y + height, max(x, 0) : x + width] = 1
    mask = masks.encode(mask)
    return dict(mask, counts=mask['counts'].decode())


def truth_of(boxes, **fields):
    """Content of a COCO file, of boxes (image from 0, class from 0, box)."""
    annotations = [
        dict(
            id=index, image_id=image + 1, category_id=10 * label + 5, bbox=list(box), iscrowd=0,
            area=float(box[2] * box[3]), segmentation=rectangle(box),
        )
        | {name: values[index - 1] for name, values in fields.items()}
        for index, (image, label, box) in enumerate(boxes, start=1)
    ]  # fmt: skip
    return dict(
        images=[dict(id=i + 1, file_name=f'{i}.jpg', **SIZE) for i in range(8)],
        categories=[dict(id=10 * label + 5, name=f'class {label}') for label in range(3)],
        annotations=annotations,
    )


def some_boxes(number, seed):
    """Of all three ranges of areas, some of the areas at their borders."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        sides = random.choice([6, 20, 32, 60, 96, 110], size=2)
        place = random.uniform(0, (SIZE['width'] - sides[0] + 1, SIZE['height'] - sides[1] + 1))
        box = [*place.round(1).tolist(), *map(float, sides)]
        found.append((int(random.integers(7)), int(random.integers(3)), box))  # image 7 is empty
    return found


def near(boxes, number, seed, spread=6):
    """Detections: boxes moved a little, with scores of which many are equal."""
    random = np.random.default_rng(seed)
    found = []
    for index in random.integers(len(boxes), size=number):
        image, label, box = boxes[index]
        box = [max(v, 1.0) for v in np.array(box) + random.normal(0, spread, 4)]
        label = label if random.random() < 0.8 else int(random.integers(3))
        found.append((image, label, box, float(random.integers(20)) / 20))
    return found


def results_of(detections, truth):
    """What a detector hands to the metric."""
    results = []
    for image in range(len(truth['images'])):
        here = [d for d in detections if d[0] == image]
        boxes = np.array([box for _, _, box, _ in here], np.float32).reshape(-1, 4)
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        image_id = truth['images'][image]['id']
        found = dict(
            img_id=image_id,
            bboxes=corners,
            labels=np.array([label for _, label, _, _ in here], int),
            scores=np.array([score for *_, score in here], np.float32),
            masks=[rectangle(box) for _, _, box, _ in here],
        )
        results.append((dict(img_id=image_id, **SIZE), found))
    return results


def both(truth, results, path, **options):
    """The numbers of mmdet's metric and of ours."""
    path.write_text(json.dumps(truth))
    options = dict(ann_file=str(path), metric=['bbox', 'segm'], classwise=True) | options
    found = []
    for kind in (CocoMetric, HotCocoMetric):
        metric = kind(**options)
        metric.dataset_meta = dict(classes=[c['name'] for c in truth['categories']])
        with redirect_stdout(io.StringIO()):
            found.append(metric.compute_metrics(copy.deepcopy(results)))
    return found


ITEMS = ['mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l']
ITEMS += ['AR@100', 'AR@300', 'AR@1000', 'AR_s@1000', 'AR_m@1000', 'AR_l@1000']
BOXES = some_boxes(40, seed=0)
CASES = {
    'many': ({}, {}),
    'few detections count': ({}, dict(proposal_nums=(100, 2, 5))),
    'two thresholds': ({}, dict(iou_thrs=np.array([0.5, 0.75]), classwise=False)),
    'proposals': ({}, dict(metric=['proposal'])),
    'crowds': (dict(iscrowd=[int(i % 3 == 0) for i in range(40)]), {}),
    'areas of their own': (dict(area=[32.0**2, 96.0**2] * 20), {}),
    'ignored': (dict(ignore=[1, 0] * 20), {}),
    'ids from 100': (dict(id=list(range(100, 140))), {}),
}


@pytest.mark.parametrize('case', CASES)
def test_equal(case, tmp_path):
    pytest.importorskip('hotcoco')
    fields, options = CASES[case]
    truth = truth_of(BOXES, **fields)
    results = results_of(near(BOXES, 300, seed=1), truth)
    options = ({} if 'metric' in options else dict(metric_items=ITEMS)) | options
    theirs, ours = both(truth, results, tmp_path / 'truth.json', **options)
    assert len(theirs) >= 4 and repr(ours) == repr(theirs)  # repr: nan is nan
    assert coco_metric.COCOeval is COCOeval


def test_an_object_with_the_id_0_counts(tmp_path):
    """As if it had another; in pycocotools no detection matches it."""
    pytest.importorskip('hotcoco')
    truth = truth_of(BOXES)
    results = results_of([(*box, 0.5) for box in BOXES], truth)
    right = both(truth, results, tmp_path / 'truth.json')[0]
    theirs, ours = both(truth_of(BOXES, id=range(40)), results, tmp_path / 'truth.json')
    assert repr(ours) == repr(right) != repr(theirs)


@pytest.mark.parametrize('detections', [[], [(0, 0, [0.0, 0.0, 9.0, 9.0], 0.5)]])
def test_equal_of_hardly_any_detection(detections, tmp_path):
    pytest.importorskip('hotcoco')
    truth = truth_of(BOXES)
    theirs, ours = both(truth, results_of(detections, truth), tmp_path / 'truth.json')
    assert repr(ours) == repr(theirs) and set(theirs) >= {'bbox_mAP', 'segm_mAP'}


def test_equal_on_a_miniature_of_coco(tmp_path):
    """Polygons, crowds and eighty classes, by other ids than labels."""
    pytest.importorskip('hotcoco')
    write_miniature('coco', tmp_path)
    truth = json.loads((tmp_path / 'annotations/instances_val2017.json').read_text())
    images = [image['id'] for image in truth['images']]
    labels = {c['id']: label for label, c in enumerate(truth['categories'])}
    boxes = [
        (images.index(a['image_id']), labels[a['category_id']], a['bbox'])
        for a in truth['annotations']
    ]
    results = results_of([(*box, 0.5 + 0.01 * i) for i, box in enumerate(boxes)], truth)
    theirs, ours = both(truth, results, tmp_path / 'truth.json', metric='bbox')
    assert repr(ours) == repr(theirs) and ours['bbox_mAP'] == 1.0


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_every_number_is_equal(kind):
    """Also those that mmdet rounds or doesn't report."""
    pytest.importorskip('hotcoco')
    truth, found = COCO(), []
    truth.dataset = truth_of(BOXES, iscrowd=[0, 0, 0, 1] * 10)
    truth.createIndex()
    for image, label, box, score in near(BOXES, 300, seed=2):
        place = dict(bbox=box) if kind == 'bbox' else dict(segmentation=rectangle(box))
        found.append(dict(image_id=image + 1, category_id=10 * label + 5, score=score, **place))
    evaluations = []
    with redirect_stdout(io.StringIO()):
        for evaluate in (COCOeval, HotCOCOeval):
            evaluation = evaluate(truth, truth.loadRes(copy.deepcopy(found)), kind)
            evaluation.params.catIds = [25, 5, 15]
            evaluation.params.maxDets = [100, 3, 10]
            evaluation.evaluate()
            evaluation.accumulate()
            evaluations.append(evaluation)
    theirs, ours = evaluations
    for name in ('precision', 'recall', 'scores'):
        np.testing.assert_array_equal(ours.eval[name], theirs.eval[name], strict=True)
    assert 0.1 < theirs.eval['precision'].max() <= 1


def test_by_hand(tmp_path):
    """One of two objects is found, before a wrong detection: precision 1 up to a recall of 0.5.

    So 51 of the 101 points of recall have 1, the others 0.
    """
    pytest.importorskip('hotcoco')
    truth = truth_of([(0, 0, [10.0, 10, 40, 40]), (1, 0, [10.0, 10, 40, 40])])
    detections = [(0, 0, [10.0, 10, 40, 40], 0.9), (1, 0, [100.0, 10, 40, 40], 0.8)]
    metric = both(truth, results_of(detections, truth), tmp_path / 'truth.json')[1]
    assert metric['bbox_mAP'] == metric['segm_mAP'] == round(51 / 101, 3) == 0.505


def test_mmdet_finds_it_by_its_name():
    """Once it looks for a metric: not before, as the import takes all of mmdet."""
    assert HotCocoMetric.__module__ in METRICS._locations
    assert METRICS.get('HotCocoMetric') is HotCocoMetric


def test_without_hotcoco(monkeypatch):
    monkeypatch.setattr('mmmask.evaluation.hot_coco_metric.find_spec', lambda name: None)
    with pytest.raises(UserError, match=r"needs hotcoco: pip install 'mmmask\[fast-eval\]'"):
        HotCocoMetric()
