"""Split COCO's average precision into what groups of images contribute.

Shapes: T thresholds of the overlap, R of the recall, D detections of a class, G groups of images.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

import numpy as np
from pycocotools.cocoeval import COCOeval, Params

GROUPS = 50
"""Groups of images. More would cost more time; the error of a standard error is 10 per cent."""

STATISTICS = dict(
    mAP=('all', None, 100),
    mAP_50=('all', 0.5, -1),
    mAP_75=('all', 0.75, -1),
    mAP_s=('small', None, -1),
    mAP_m=('medium', None, -1),
    mAP_l=('large', None, -1),
)
"""Metric -> range of areas, threshold (None: their mean), detections an image (-1: the most)."""


def detection_outcomes(evaluation: COCOeval, groups: int = GROUPS) -> dict[str, np.ndarray]:
    r"""Return what each group of images contributes to the average precisions.

    An average precision isn't a mean over images. So images are dealt out to G groups by their
    place, and the metric is computed again without each of them: :math:`A_{-g}`. Group g
    contributes

    .. math:: A + (G - 1) (\bar{A}_{-} - A_{-g})

    with the mean :math:`\bar{A}_{-}` of those numbers. The mean of the contributions is the metric.
    Their standard error is that of the delete-a-group jackknife: it is how far the metric varies
    over other sets of as many images.

    Args:
        evaluation: Of boxes or masks, behind ``evaluate()``.
        groups: G, or one for each image where there are fewer.

    Returns:
        ``mAP``, ``mAP_50``, ``mAP_75``, ``mAP_s``, ``mAP_m`` and ``mAP_l``, (G,) each. Those that
        have no object without one of the groups are left out, and so are other thresholds.
    """
    params = evaluation.params
    groups = min(groups, len(params.imgIds))
    found, outcomes = {}, {}
    for name, (area, threshold, most) in STATISTICS.items():
        chosen = np.arange(len(params.iouThrs))
        if threshold is not None:
            chosen = np.flatnonzero(np.asarray(params.iouThrs) == threshold)
        most = params.maxDets[-1] if most == -1 else most
        if groups < 2 or not len(chosen) or most not in params.maxDets:
            continue
        key = area, most
        if key not in found:
            found[key] = _precisions(evaluation, params.areaRngLbl.index(area), most, groups)
        if np.isnan(found[key][:, 0]).all(axis=0).any():  # no object is left
            continue
        whole, *without = np.nanmean(found[key][:, chosen], axis=(0, 1))
        outcomes[name] = whole + (groups - 1) * (np.mean(without) - without)
    return outcomes


def _precisions(evaluation: COCOeval, area: int, most: int, groups: int) -> np.ndarray:
    """Return the precision of each class with all images and without each group, (K, T, G + 1)."""
    params = evaluation.params
    images, areas = len(params.imgIds), len(params.areaRng)
    of_classes = []
    for label in range(len(params.catIds)):
        start = (label * areas + area) * images
        entries = evaluation.evalImgs[start : start + images]
        numbers = [image % groups for image, entry in enumerate(entries) if entry is not None]
        entries = [entry for entry in entries if entry is not None]
        of_classes.append(_of_class(entries, np.array(numbers), most, groups, params))
    return np.array(of_classes)


def _of_class(
    entries: list[dict], numbers: np.ndarray, most: int, groups: int, params: Params
) -> np.ndarray:
    """Return a class' average precisions, (T, G + 1), of ``evalImgs`` of images of some groups."""
    truths = [entry['gtIgnore'] for entry in entries]
    wanted = np.concatenate([np.zeros(0), *truths]) == 0
    of_objects = np.repeat(numbers, list(map(len, truths))).astype(int)
    objects = np.bincount(of_objects[wanted], minlength=groups)
    if not objects.any():
        return np.full((len(params.iouThrs), groups + 1), np.nan)
    scores = [entry['dtScores'][:most] for entry in entries]
    order = np.argsort(-np.fromiter(chain.from_iterable(scores), float), kind='mergesort')
    group = np.repeat(numbers, list(map(len, scores)))[order]
    matched, ignored = (
        np.concatenate([entry[name][:, :most] for entry in entries], axis=1)[:, order]
        for name in ('dtMatches', 'dtIgnore')
    )
    counted = ignored == 0
    return class_precision((matched != 0) & counted, counted, group, objects, params.recThrs)


def class_precision(
    right: np.ndarray,
    counted: np.ndarray,
    group: np.ndarray,
    objects: np.ndarray,
    recalls: np.ndarray,
) -> np.ndarray:
    """Return a class' average precision with all images, and without each group, (T, G + 1).

    As pycocotools: the mean over thresholds of the recall of the best precision at that recall or
    beyond. Only right detections can be the best, so the others are only counted.

    Args:
        right: Whether a detection is right, (T, D), the highest score first.
        counted: Whether it counts, (T, D), right ones included.
        group: The group of its image, (D,).
        objects: Objects to find in each group, (G,).
        recalls: Thresholds of the recall, (R,), rising.

    Returns:
        NaN where no object is left.
    """
    groups = len(objects)
    left = objects.sum() - np.append(0, objects)  # (G + 1,)
    needed = np.stack([_needed(int(number), tuple(recalls)) for number in left])  # (G + 1, R)
    rows = np.arange(groups + 1)[:, None]
    found = np.zeros((len(right), groups + 1))
    for threshold, (hits, seen) in enumerate(zip(right, map(np.flatnonzero, counted))):
        places = np.flatnonzero(hits)
        count = len(places)
        if count == 0:
            continue
        slots = np.searchsorted(places, seen)  # the first right one at a detection or behind it
        seen, slots = seen[slots < count], slots[slots < count]
        before = _running(group[seen], slots, groups, count)
        true = _running(group[places], np.arange(count), groups, count)
        best = true / np.maximum(before, 1)
        best = np.maximum.accumulate(best[:, ::-1], axis=1)[:, ::-1]
        best = np.concatenate((best, np.zeros((groups + 1, 1))), axis=1)
        # One search in all rows: each row's counts, 0 to `count`, lie above those of the last one.
        shifted = (true + rows * (count + 1)).ravel()
        wanted = np.minimum(needed, count + 1) + rows * (count + 1)
        first = np.searchsorted(shifted, wanted.ravel()).reshape(wanted.shape) - rows * count
        found[threshold] = np.take_along_axis(best, first, axis=1).mean(axis=1)
    found[:, left == 0] = np.nan
    return found


def _running(group: np.ndarray, slots: np.ndarray, groups: int, count: int) -> np.ndarray:
    """Return how many there are up to each slot, in all and without each group, (G + 1, count)."""
    each = np.bincount(group * count + slots, minlength=groups * count).reshape(groups, count)
    each = each.cumsum(axis=1)
    every = each.sum(axis=0)
    return np.concatenate((every[None], every - each))


@lru_cache(maxsize=4096)
def _needed(objects: int, recalls: tuple[float, ...]) -> np.ndarray:
    """Return how many of the objects must be found to reach each recall, (R,), at least one."""
    return np.searchsorted(np.arange(1, objects + 1) / max(objects, 1), recalls) + 1
