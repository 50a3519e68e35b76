"""Masks compared at a named size, by hand, by a naive loop and by mmseg's metric."""

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from mmmask.evaluation.mean_iou import at_size, class_areas, compared_size, iou_outcomes
from mmmask.utils.errors import UserError


def measure(scores, truth, size, num_classes):
    return iou_outcomes(class_areas(*at_size(scores, truth, size), num_classes)[None])


# Left half class 0, right half class 1, by scores of 2 x 2 pixels.
HALVES = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])


def test_a_thin_object_vanishes_at_a_smaller_size():
    """A line of class 1 in column 1 of class 0's half is missed: at 4 pixels it costs, at 2 not."""
    truth = torch.tensor([[0, 1, 1, 1]] * 4)
    at_4 = measure(HALVES, truth, None, 2)
    # class 0: 4 right of 8 covered; class 1: 8 right of 12
    assert at_4['miou'] == pytest.approx(100 * (4 / 8 + 8 / 12) / 2)
    assert at_4['pixel_accuracy'] == pytest.approx(75)
    # nearest pixels are columns 0 and 2
    assert measure(HALVES, truth, (2, 2), 2) == dict(miou=100, pixel_accuracy=100)


def test_scores_are_upsampled_before_the_largest_wins():
    """From 0.9, 0.4 to 4 columns: 0.9, 0.775, 0.525, 0.4. The threshold 0.5 is behind column 2."""
    column = torch.tensor([0.9, 0.4])
    scores = torch.stack((column, 1 - column))[:, None]
    found, truth = at_size(scores, torch.zeros(1, 4, dtype=torch.long), None)
    assert found.tolist() == [[0, 0, 0, 1]]
    assert truth.tolist() == [[0, 0, 0, 0]]


def test_ignored_pixels_and_absent_classes_do_not_count():
    truth = torch.tensor([[0, 0, 255, 255]])
    areas = class_areas(torch.tensor([[0, 1, 1, 1]]), truth, 4)
    assert areas.tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [2, 0, 0, 0]]
    found = iou_outcomes(areas[None])
    assert found['miou'] == pytest.approx([25])  # 1 / 2 and 0 / 1
    assert found['pixel_accuracy'] == [50]


def test_two_images_contribute_what_they_show():
    """Intersections 1 and 2 of unions 2 and 4; class 1: 3 of 4, in image 1 only."""
    areas = torch.tensor([[[1, 0], [1, 0], [2, 0]], [[2, 3], [3, 4], [3, 3]]]).float()
    found = iou_outcomes(areas)
    # class 0: 1/2 and 1/2; class 1: 3/4 + 2 (0 - 0) / 4 and 3/4 + 2 (3 - 3) / 4
    assert found['miou'] == pytest.approx([62.5, 62.5])
    # right 1 of 2 and 5 of 6: 6/8 + 2 (1 - 1.5) / 8 and 6/8 + 2 (5 - 4.5) / 8
    assert found['pixel_accuracy'] == pytest.approx([62.5, 87.5])


@pytest.mark.parametrize('size', [None, (5, 7), (16, 16)])
def test_equals_a_naive_loop(size):
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(3, 4, 4))
    truth = generator.choice([0, 1, 2, 255], size=(8, 8))
    height, width = size or truth.shape
    right, found_area, true_area = np.zeros((3, 3))
    for i in range(height):
        for j in range(width):
            true = truth[i * 8 // height, j * 8 // width]
            values = [bilinear(one, i, j, height, width) for one in scores]
            if true != 255:
                best = int(np.argmax(values))
                right[best] += best == true
                found_area[best] += 1
                true_area[true] += 1
    expected = 100 * np.mean(right / (found_area + true_area - right))
    found = measure(torch.from_numpy(scores), torch.from_numpy(truth), size, 3)
    assert found['miou'] == pytest.approx(expected)


def bilinear(values, i, j, height, width):
    """The value at the centre of pixel (i, j) of a larger or smaller map."""
    total = 0
    for p, row in weights(i, height, len(values)):
        for q, column in weights(j, width, len(values)):
            total += row * column * values[p, q]
    return total


def weights(index, size, source):
    at = max((index + 0.5) * source / size - 0.5, 0)
    low = min(int(at), source - 1)
    return [(low, 1 - (at - low)), (min(low + 1, source - 1), at - low)]


@pytest.mark.parametrize('size', [None, 2, (2, 4)])
def test_the_metric_of_mmseg(size):
    from mmseg.registry import METRICS

    DefaultScope._instance_dict.clear()
    DefaultScope.get_instance('mmseg metric', scope_name='mmseg')
    metric = METRICS.build(dict(type='SizedIoUMetric', size=size))
    metric.dataset_meta = dict(classes=['left', 'right'])
    truth = torch.tensor([[0, 1, 1, 1]] * 4)
    scores = torch.nn.functional.interpolate(HALVES[None], (4, 4), mode='bilinear')[0]
    sample = dict(
        seg_logits=dict(data=scores),
        pred_sem_seg=dict(data=scores.argmax(dim=0, keepdim=True)),
        gt_sem_seg=dict(data=truth[None]),
    )
    metric.process({}, [sample, sample])
    found = metric.evaluate(2)
    # at (2, 4) as at the original: rows only
    expected = 100 if size == 2 else 100 * (4 / 8 + 8 / 12) / 2
    assert found['mIoU'] == pytest.approx(expected, abs=0.01)
    stated = {None: 'original', 2: [2, 2], (2, 4): [2, 4]}[size]
    assert metric.protocol_values == dict(compared_size=stated)
    for name in ('mIoU', 'mAcc', 'aAcc'):
        assert metric.outcomes[name] == pytest.approx([found[name]] * 2, abs=0.01)  # alike


def test_the_outcomes_of_mmsegs_metric_under_its_name():
    """Two images of three classes, the third nowhere; the numbers are mmseg's, rounded to 0.01."""
    from mmseg.registry import METRICS

    rng = np.random.default_rng(1)
    samples = [
        dict(
            pred_sem_seg=dict(data=torch.from_numpy(rng.integers(2, size=(1, 6, 6)))),
            gt_sem_seg=dict(data=torch.from_numpy(rng.choice([0, 1, 255], size=(1, 6, 6)))),
        )
        for _ in range(3)
    ]
    for absent in (None, 1):
        config = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU', 'mDice'], nan_to_num=absent)
        metric = METRICS.build(dict(config, prefix='seg'))
        metric.dataset_meta = dict(classes=['one', 'other', 'neither'])
        metric.process({}, samples)
        found = metric.evaluate(3)
        assert set(metric.outcomes) == set(found)
        for name, images in metric.outcomes.items():
            assert images.shape == (3,) and np.ptp(images) > 1
            assert images.mean() == pytest.approx(found[name], abs=0.0051)


def test_sizes():
    assert compared_size(None) is None and compared_size(448) == (448, 448)
    assert compared_size([3, 4]) == (3, 4)
    for size in (0, (1, 2, 3), (4, 0), (1.5, 2)):
        with pytest.raises(UserError, match='size must be'):
            compared_size(size)
