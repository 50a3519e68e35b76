"""Draw detections and segmentations of validation images, with the truth beside."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS
from mmengine.structures import BaseDataElement
from pycocotools import mask as coco_mask

from mmmask.config.build import scope_of
from mmmask.pictures import (
    draw_instances,
    draw_segmentation,
    enlarge,
    jpeg_uri,
    read_image,
)
from mmmask.probe import build_network
from mmmask.utils.picks import pick_evenly

from .base import Context, Figure, Row

SHOWN = 320
"""Pixels of a picture's longer side."""


def detections(context: Context, *, count: int = 4, threshold: float = 0.3) -> Figure:
    """Draw the objects that the detectors of every arm find.

    Args:
        context: A protocol that trains a detector of mmdet.
        count: Images, evenly spread over the test set.
        threshold: Least score of drawn objects.
    """
    tasks, dataset, predicted = _predict(context, count)
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']

    def draw(image: np.ndarray, boxes, labels, masks, texts) -> str:
        shown = enlarge(image, SHOWN)
        scale = SHOWN / max(image.shape[:2])
        colors = [palette[label] for label in labels]
        masks = [_resized(mask, shown.shape[:2]) for mask in masks]
        masks = np.array(masks) if masks else None
        boxes = np.asarray(boxes).reshape(-1, 4) * scale
        return jpeg_uri(draw_instances(shown, boxes, colors, masks, texts, width=2))

    rows = []
    for number, samples in predicted.items():
        info = dataset.get_data_info(number)
        image = read_image(info['img_path'])
        truth = info['instances']
        labels = [item['bbox_label'] for item in truth]
        outlines = [_decoded(item['mask'], image.shape[:2]) for item in truth if 'mask' in item]
        boxes = [item['bbox'] for item in truth]
        counts = []
        pictures = [draw(image, boxes, labels, outlines, [classes[label] for label in labels])]
        for sample in samples:
            found = sample.pred_instances
            found = found[found.scores >= threshold].cpu().numpy()
            counts.append(str(len(found)))
            outlines = list(found.masks) if 'masks' in found else []
            texts = [f'{classes[k]} {s:.2f}' for k, s in zip(found.labels, found.scores)]
            pictures.append(draw(image, found.bboxes, found.labels, outlines, texts))
        rows.append(
            Row(f'image {number}: {len(truth)} annotated, found {" and ".join(counts)}', pictures)
        )
    return Figure(
        title='Detections',
        caption=(
            f'Validation images, evenly spread and not chosen by result: annotated objects, and '
            f'what the detectors of seed {tasks[0].seed} find with a score of {threshold} or more.'
        ),
        columns=['truth', *(task.arm for task in tasks)],
        rows=rows,
    )


def segmentations(context: Context, *, count: int = 4) -> Figure:
    """Draw label maps of the segmenters of every arm; a protocol of mmseg, ``count`` as above."""
    tasks, dataset, predicted = _predict(context, count)
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']

    def draw(image: np.ndarray, labels: np.ndarray) -> str:
        shown = enlarge(image, SHOWN)
        return jpeg_uri(draw_segmentation(shown, _resized(labels, shown.shape[:2]), palette))

    rows, present = [], set()
    for number, samples in predicted.items():
        image = read_image(samples[0].img_path)
        truth = samples[0].gt_sem_seg.data[0].cpu().numpy()
        maps = [truth, *(sample.pred_sem_seg.data[0].cpu().numpy() for sample in samples)]
        present |= {int(k) for labels in maps for k in np.unique(labels) if k < len(classes)}
        pictures = [draw(image, labels) for labels in maps]
        rows.append(Row(f'image {number}', [jpeg_uri(enlarge(image, SHOWN)), *pictures]))
    return Figure(
        title='Segmentations',
        caption=(
            'Validation images, evenly spread and not chosen by result: annotated classes (pixels '
            'without a class are not coloured), and what the segmenters of seed '
            f'{tasks[0].seed} predict.'
        ),
        columns=['image', 'truth', *(task.arm for task in tasks)],
        rows=rows,
        legend=[(classes[k], 'rgb({}, {}, {})'.format(*palette[k])) for k in sorted(present)],
    )


def _predict(context: Context, count: int) -> tuple[list, object, dict[int, list[BaseDataElement]]]:
    """Return tasks of every arm, the test set, and each task's prediction by image."""
    tasks = context.arms()
    predicted: dict[int, list[BaseDataElement]] = {}
    for task in tasks:
        config = context.config(task)
        model = build_network(config, context.checkpoint(task))
        dataset = _test_set(config)
        for place in pick_evenly(range(len(dataset)), count):
            with torch.no_grad(), scope_of(config):
                predicted.setdefault(place, []).extend(
                    model.test_step(pseudo_collate([dataset[place]]))
                )
    return tasks, dataset, predicted


def _test_set(config: Config):
    with scope_of(config):
        dataset = DATASETS.build(config.test_dataloader.dataset)
        dataset.full_init()
    return dataset


def _decoded(mask: dict | list, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) bool from COCO's polygons or run lengths."""
    if isinstance(mask, list):
        mask = coco_mask.merge(coco_mask.frPyObjects(mask, *shape))
    elif isinstance(mask['counts'], list):
        mask = coco_mask.frPyObjects(mask, *shape)
    return coco_mask.decode(mask).astype(bool)


def _resized(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Nearest-neighbour resize of (h, w) to (H, W)."""
    rows = np.arange(shape[0]) * labels.shape[0] // shape[0]
    columns = np.arange(shape[1]) * labels.shape[1] // shape[1]
    return labels[rows][:, columns]
