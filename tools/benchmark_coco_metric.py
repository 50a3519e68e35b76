#!/usr/bin/env python
"""Time mmdet's ``CocoMetric`` against ``HotCocoMetric`` on a made-up validation, and compare them.

By default it is as large as that of COCO 2017: 5,000 images with 36,000 objects of 80 classes, and
100 detections in each image. Masks are ellipses. Half of the detections at most are near objects.

    python tools/benchmark_coco_metric.py [--images 5000] [--objects 36000] [--detections 100]
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pycocotools.mask as masks
from mmdet.evaluation.metrics import CocoMetric

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mmmask.evaluation.hot_coco_metric import HotCocoMetric  # noqa: E402

CLASSES, SHAPES, HEIGHT, WIDTH = 80, 400, 480, 640


def ellipses(random: np.random.Generator) -> list[list[dict]]:
    """Return places, each with the mask of an object there and of two detections near it."""
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    found = []
    for _ in range(SHAPES):
        radii = np.exp(random.uniform(np.log(5), np.log(150), 2))
        centre = random.uniform((0, 0), (HEIGHT, WIDTH))
        variants = [centre, *(centre + random.normal(0, radii / 10, (2, 2)))]
        inside = [
            ((rows - y) / radii[0]) ** 2 + ((columns - x) / radii[1]) ** 2 <= 1 for y, x in variants
        ]
        for mask in inside:
            mask[int(centre[0]), int(centre[1])] = True
        found.append([masks.encode(np.asfortranarray(mask, np.uint8)) for mask in inside])
    return found


def made_up(images: int, objects: int, detections: int) -> tuple[dict, list[tuple[dict, dict]]]:
    """Return the content of a COCO file, and what a detector would hand to the metric."""
    random = np.random.default_rng(0)
    places, annotations, results = ellipses(random), [], []
    boxes = np.array([[masks.toBbox(mask) for mask in variants] for variants in places])
    counts = random.multinomial(objects, np.full(images, 1 / images))
    for index, count in enumerate(counts, start=1):
        here, labels = random.integers(SHAPES, size=count), random.integers(CLASSES, size=count)
        for place, label in zip(here, labels):
            mask = places[place][0]
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=index,
                    category_id=int(label) + 1,
                    bbox=boxes[place, 0].tolist(),
                    area=float(masks.area(mask)),
                    iscrowd=int(random.random() < 0.01),
                    segmentation=dict(mask, counts=mask['counts'].decode()),
                )
            )
        near = np.repeat(np.arange(count), 2)[: detections // 2]
        where, what = (
            random.integers(SHAPES, size=detections),
            random.integers(CLASSES, size=detections),
        )
        where[: len(near)], what[: len(near)] = here[near], labels[near]
        variants = random.integers(1, 3, size=detections)
        corners = boxes[where, variants].astype(np.float32)
        corners[:, 2:] += corners[:, :2]
        found = dict(
            img_id=index,
            bboxes=corners,
            scores=random.random(detections, dtype=np.float32),
            labels=what,
            masks=[dict(places[place][variant]) for place, variant in zip(where, variants)],
        )
        results.append((dict(img_id=index, height=HEIGHT, width=WIDTH), found))
    sizes = dict(height=HEIGHT, width=WIDTH)
    truth = dict(
        images=[dict(id=i + 1, file_name=f'{i}.jpg', **sizes) for i in range(images)],
        categories=[dict(id=label + 1, name=f'class {label}') for label in range(CLASSES)],
        annotations=annotations,
    )
    return truth, results


def main() -> None:
    """Print the seconds of both metrics, and whether their numbers are equal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, size in (('images', 5000), ('objects', 36000), ('detections', 100)):
        parser.add_argument(f'--{name}', type=int, default=size)
    truth, results = made_up(**vars(parser.parse_args()))
    seconds, numbers = [], []
    with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
        json.dump(truth, file)
        file.flush()
        for kind in (CocoMetric, HotCocoMetric):
            with redirect_stdout(io.StringIO()):
                metric = kind(ann_file=file.name, metric=['bbox', 'segm'], classwise=True)
                metric.dataset_meta = dict(classes=[c['name'] for c in truth['categories']])
                start = time.perf_counter()
                numbers.append(metric.compute_metrics(results))
                seconds.append(time.perf_counter() - start)
            print(f'{kind.__name__}: {seconds[-1]:.1f} s')
    equal = repr(numbers[0]) == repr(numbers[1])
    print(f'{seconds[0] / seconds[1]:.1f} times faster, {len(numbers[0])} numbers, equal: {equal}')


if __name__ == '__main__':
    main()
