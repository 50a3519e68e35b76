"""Make the report's figures from the runs' own logs and checkpoints.

A protocol asks for figures with ``figures=[dict(type='attention', images=..., ...), ...]``; the
other keys are the keyword arguments of the function of that name.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS
from mmengine.structures import BaseDataElement
from mmpretrain.registry import MODELS
from pycocotools import mask as coco_mask

from mmmask import pictures
from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.suite import Protocol, Suite, Task
from mmmask.config.build import scope_of
from mmmask.pictures import Cell, SheetRow
from mmmask.pictures.attention import attention_sheets
from mmmask.pictures.figure import Options, Sample, Sheet, Subject, hidden, scale, span
from mmmask.pictures.frozen import (
    Frozen,
    confusion_sheet,
    neighbours_sheet,
    plane_sheet,
    read_frozen,
)
from mmmask.pictures.patches import patch_sheets
from mmmask.pictures.videos import video_sheets
from mmmask.probe import Probe, build_network
from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly

from .figure_specs import Figure, check_arguments
from .scalars import read_scalars, series_of
from .suite_figures import check_suite_figure

SHOWN = 320
"""Pixels of the longer side of an image with predictions."""


@dataclass(frozen=True)
class Context:
    """The protocol that asks for a figure, its suite, and the folder of the suite's results."""

    suite: Suite
    work_dir: Path
    protocol: Protocol

    def folder(self, task: Task) -> TaskFolder:
        """Return a task's folder."""
        return TaskFolder(self.work_dir / task.name)

    @property
    def tasks(self) -> list[Task]:
        """Return the protocol's tasks that are done, in the suite's order."""
        tasks = [task for task in self.suite.tasks if task.protocol == self.protocol]
        return [task for task in tasks if self.folder(task).result]

    def config(self, task: Task) -> Config:
        """Read the config that a task was run with."""
        return self.folder(task).config(task.protocol.config)

    def checkpoint(self, task: Task) -> str:
        """Return the path of the last checkpoint of a training, which must still be there."""
        return str(self.folder(task).checkpoint(self.suite.root))

    def arms(self) -> list[Task]:
        """Return one trained task of each arm, the baseline's first, all of the lowest common seed.

        Raises:
            UserError: If no seed is done in every arm.
        """
        arms: dict[str, dict[int, Task]] = {}
        for task in self.tasks:
            arms.setdefault(task.arm, {})[task.seed] = task
        common = set.intersection(*(set(by_seed) for by_seed in arms.values())) if arms else set()
        if not common:
            raise UserError(f'no seed of {self.protocol.title} is done in every arm')
        ordered = sorted(arms, key=lambda arm: arm != self.protocol.baseline)
        return [arms[arm][min(common)] for arm in ordered]

    def samples(self, pattern: str, size: int, count: int) -> list[Sample]:
        """Read the central squares of evenly spaced images that match a pattern."""
        paths = pictures.pick_images(self.suite.root, pattern, count)
        return [Sample(path.stem, pictures.read_square(path, size)) for path in paths]


def training(context: Context, *, panels: Sequence[dict], columns: int = 2) -> Figure:
    """Draw logged values over iterations, of all seeds.

    Args:
        context: A protocol that trains.
        panels: Each ``dict(title=..., names={scalar: label}, scale=1, log=False, marked=False)``;
            left out if none of its scalars was logged twice. The colour tells the arm and the
            scalar.
        columns: Panels in a row.
    """
    runs = [(task, read_scalars(context.work_dir / task.name)) for task in context.tasks]
    drawn = []
    for panel in panels:
        names, found = panel['names'], []
        for task, logged in runs:
            for name, label in names.items():
                x, y = series_of(logged, name)
                parts = [task.arm, label if len(names) > 1 else '']
                if len(x) > 1:
                    y = [panel.get('scale', 1) * value for value in y]
                    found.append(pictures.Curve(x, y, ', '.join(filter(None, parts))))
        if found:
            flags = panel.get('log', False), panel.get('marked', False)
            drawn.append(pictures.Panel(panel['title'], found, *flags))
    if not drawn:
        raise UserError('nothing of it was logged')
    seeds = ', '.join(map(str, sorted({task.seed for task, _ in runs})))
    drawing = pictures.svg_uri(pictures.curves(drawn, columns))
    return Figure('Training', f'One line for each seed ({seeds}).', [drawing])


def masks(
    context: Context, *, images: str, size: int, count: int = 4, others: dict | None = None
) -> Figure:
    """Draw the masks of training, beside other maskers' at the same ratio.

    Args:
        context: A protocol of self-distillation with a masker.
        images: Pattern of the images, relative to the root.
        size: Their side in pixels, a multiple of the patch size.
        count: Number of images.
        others: Label -> config of a masker to compare with.
    """
    task = context.tasks[0]
    config = context.config(task)
    probe = Probe(context.checkpoint(task), config, size=size)
    configs = {context.protocol.title: config.model.masker, **(others or {})}
    with scope_of(config):
        maskers = {name: MODELS.build({**c, 'prob': 1.0}) for name, c in configs.items()}
    rows = []
    for seed, sample in enumerate(context.samples(images, size, count)):
        scores = probe.attention(sample.image).mean(axis=0)  # (h, w)
        heat = pictures.overlay_heat(sample.shown, scores)
        cells = [Cell(sample.shown), Cell(heat, span(scores))]
        for masker in maskers.values():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)  # the ratio is drawn first: the same for all
                cells.append(hidden(sample, probe.mask(masker, scores)))
        rows.append(SheetRow(sample.name, cells))
    caption = (
        f'What the student does not see. The teacher of {task.name} (after training) scores '
        f'the {probe.grid[0]} x {probe.grid[1]} patches of an image of {size} pixels by the '
        'attention of its CLS token (bright: high). One ratio is drawn for each row, as in '
        'training, and every masker gets it.'
    )
    return _sheet('Masks', caption, ['image', "teacher's attention", *maskers], rows, scale())


def attention(context: Context, *, images: str, size: int, count: int = 4) -> Figure:
    """Draw CLS attention in the last block before and after training; arguments as of `masks`."""
    sheets, task = _before_and_after(context, attention_sheets, images, size, count)
    caption = f'{sheets[-1].caption} The trained network is {task.name}.'
    return Figure('Attention', caption, [pictures.jpeg_uri(sheet.image) for sheet in sheets])


def patches(context: Context, *, images: str, size: int, count: int = 4) -> Figure:
    """Draw patches as colours before and after training; arguments as of `masks`."""
    sheets, task = _before_and_after(context, patch_sheets, images, size, count)
    caption = f'{sheets[-1].caption} The trained network is {task.name}.'
    return Figure(sheets[0].title, caption, [pictures.jpeg_uri(sheet.image) for sheet in sheets])


def neighbours(context: Context, *, count: int = 6, k: int = 8) -> Figure:
    """Draw queries with their nearest neighbours, by the network of every arm.

    Args:
        context: A protocol that tests k-NN or retrieval.
        count: Queries, evenly spread.
        k: Neighbours of each.
    """
    return _of_frozen(context, lambda found: neighbours_sheet(found, count, k))


def confusion(context: Context, *, k: int | None = None) -> Figure:
    """Draw which classes k-NN takes for which, by the network of every arm; ``k`` neighbours."""
    return _of_frozen(context, lambda found: confusion_sheet(found, k))


def plane(context: Context, *, method: str = 'pca') -> Figure:
    """Draw features in a plane, of every arm; ``method``: 'pca' or 'umap'."""
    return _of_frozen(context, lambda found: plane_sheet(found, method))


def videos(context: Context, *, count: int = 3, frames: int = 6) -> Figure:
    """Draw the objects of videos, annotated and predicted by the network of every arm.

    Args:
        context: A protocol that tests DAVIS.
        count: Videos, evenly spread.
        frames: Frames of each.
    """
    tasks = context.arms()
    config = context.config(tasks[0])
    with scope_of(config):
        dataset = DATASETS.build(config.test_dataloader.dataset)
        dataset.full_init()
    chosen = [dataset.get_data_info(n) for n in pick_evenly(range(len(dataset)), count)]
    shown = {one['name']: [Path(path) for path in one['frames']] for one in chosen}
    maps = {'truth': Path(chosen[0]['masks'][0]).parents[1]}
    maps |= {task.arm: context.folder(task).path / 'davis' for task in tasks}
    sheets = video_sheets(shown, maps, frames)
    images = [pictures.jpeg_uri(sheet.image) for sheet in sheets]
    return Figure(sheets[0].title, sheets[-1].caption, images)


def detections(context: Context, *, count: int = 4, threshold: float = 0.3) -> Figure:
    """Draw the objects that the detectors of every arm find.

    Args:
        context: A protocol that trains a detector of mmdet.
        count: Images, evenly spread over the test set.
        threshold: Least score of drawn objects.
    """
    tasks, dataset, predicted = _predict(context, count)
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']

    def draw(image: np.ndarray, boxes, labels, masks, texts, what: str) -> Cell:
        shown = pictures.enlarge(image, SHOWN)
        masks = np.array([_resized(mask, shown) for mask in masks]) if len(masks) else None
        boxes = np.asarray(boxes).reshape(-1, 4) * SHOWN / max(image.shape[:2])
        colors = [palette[label] for label in labels]
        drawn = pictures.draw_instances(shown, boxes, colors, masks, texts, width=2)
        return Cell(drawn, f'{len(labels)} {what}')

    rows = []
    for number, samples in predicted.items():
        info = dataset.get_data_info(number)
        image, truth = pictures.read_image(info['img_path']), info['instances']
        labels = [item['bbox_label'] for item in truth]
        outlines = [_decoded(item['mask'], image.shape[:2]) for item in truth if 'mask' in item]
        boxes, names = [item['bbox'] for item in truth], [classes[label] for label in labels]
        cells = [draw(image, boxes, labels, outlines, names, 'annotated')]
        for sample in samples:
            found = sample.pred_instances
            found = found[found.scores >= threshold].cpu().numpy()
            outlines = list(found.masks) if 'masks' in found else []
            texts = [f'{classes[k]} {s:.2f}' for k, s in zip(found.labels, found.scores)]
            cells.append(draw(image, found.bboxes, found.labels, outlines, texts, 'found'))
        rows.append(SheetRow(f'image {number}', cells))
    caption = (
        f'Validation images, evenly spread and not chosen by result: annotated objects, and '
        f'what the detectors of seed {tasks[0].seed} find with a score of {threshold} or more.'
    )
    return _sheet('Detections', caption, ['truth', *(task.arm for task in tasks)], rows)


def segmentations(context: Context, *, count: int = 4) -> Figure:
    """Draw label maps of the segmenters of every arm; a protocol of mmseg, ``count`` as above."""
    tasks, dataset, predicted = _predict(context, count)
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']
    rows, present = [], set()
    for number, samples in predicted.items():
        shown = pictures.enlarge(pictures.read_image(samples[0].img_path), SHOWN)
        maps = [samples[0].gt_sem_seg, *(sample.pred_sem_seg for sample in samples)]
        maps = [labels.data[0].cpu().numpy() for labels in maps]
        present |= {int(k) for labels in maps for k in np.unique(labels) if k < len(classes)}
        maps = [_resized(labels, shown) for labels in maps]
        drawn = [Cell(pictures.draw_segmentation(shown, labels, palette)) for labels in maps]
        rows.append(SheetRow(f'image {number}', [Cell(shown), *drawn]))
    caption = (
        'Validation images, evenly spread and not chosen by result: annotated classes (pixels '
        'without a class are not coloured), and what the segmenters of seed '
        f'{tasks[0].seed} predict.'
    )
    columns = ['image', 'truth', *(task.arm for task in tasks)]
    legend = [(classes[k], 'rgb({}, {}, {})'.format(*palette[k])) for k in sorted(present)]
    return _sheet('Segmentations', caption, columns, rows, legend=legend)


FIGURES: dict[str, Callable[..., Figure]] = {
    function.__name__: function
    for function in (
        *(training, masks, attention, patches, neighbours, confusion, plane, videos),
        *(detections, segmentations),
    )
}


def check_figures(suite: Suite) -> None:
    """Check the figures that a suite and its protocols ask for, before anything runs.

    Raises:
        UserError: If a type or an argument doesn't exist, or an argument is missing or wrong.
    """
    for protocol in suite.protocols.values():
        for spec in protocol.figures:
            check_arguments(spec, FIGURES, f'protocol {protocol.name!r}: ')
    for spec in suite.figures:
        check_suite_figure(spec, suite)


def make_figure(context: Context, spec: dict) -> Figure:
    """Make one figure.

    Raises:
        UserError: If what it shows isn't there.
    """
    arguments = {key: value for key, value in spec.items() if key != 'type'}
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # what data sets have to say, they said in the runs
        return FIGURES[spec['type']](context, **arguments)


def _sheet(
    title: str, caption: str, columns: Sequence[str], rows, footer=None, legend=()
) -> Figure:
    sheet = pictures.contact_sheet(columns, rows, footer)
    return Figure(title, caption, [pictures.jpeg_uri(sheet)], legend)


def _before_and_after(
    context: Context, draw: Callable[..., list[Sheet]], images: str, size: int, count: int
) -> tuple[list[Sheet], Task]:
    """Draw images by the first task's network, untrained and trained; return the task, too."""
    task = context.tasks[0]
    config = context.config(task)
    probes = dict(
        untrained=Probe('none', config, size=size, seed=task.seed),
        trained=Probe(context.checkpoint(task), config, size=size),
    )
    samples = context.samples(images, size, count)
    subjects = [Subject(label, probe, samples) for label, probe in probes.items()]
    return draw(subjects, Options()), task


def _of_frozen(context: Context, draw: Callable[[Frozen], Sheet]) -> Figure:
    """Draw the frozen features of every arm, one below the other; tests have kept them."""
    tasks, sheets = context.arms(), []
    for task in tasks:
        checkpoint = context.folder(task).result['checkpoint']
        file = 'none' if checkpoint is None else str(context.suite.root / checkpoint)
        kept = context.work_dir / 'features'
        sheets.append(draw(read_frozen(context.config(task), file, kept, task.seed)))
    captions = [f'{task.arm}: {sheet.caption}' for task, sheet in zip(tasks, sheets)]
    if len({sheet.caption for sheet in sheets}) == 1:
        arms = ', then '.join(task.arm for task in tasks)
        captions = [f'{sheets[0].caption} From above: {arms}, seed {tasks[0].seed}.']
    images = [pictures.jpeg_uri(sheet.image) for sheet in sheets]
    return Figure(sheets[0].title, ' '.join(captions), images)


def _predict(context: Context, count: int) -> tuple[list, object, dict[int, list[BaseDataElement]]]:
    """Return tasks of every arm, the test set, and each task's prediction by image."""
    tasks = context.arms()
    predicted: dict[int, list[BaseDataElement]] = {}
    for task in tasks:
        config = context.config(task)
        model = build_network(config, context.checkpoint(task))
        with torch.no_grad(), scope_of(config):
            dataset = DATASETS.build(config.test_dataloader.dataset)
            dataset.full_init()
            for place in pick_evenly(range(len(dataset)), count):
                found = model.test_step(pseudo_collate([dataset[place]]))
                predicted.setdefault(place, []).extend(found)
    return tasks, dataset, predicted


def _decoded(mask: dict | list, shape: tuple[int, int]) -> np.ndarray:
    """Return (H, W) bool of COCO's polygons or run lengths."""
    if isinstance(mask, list):
        mask = coco_mask.merge(coco_mask.frPyObjects(mask, *shape))
    elif isinstance(mask['counts'], list):
        mask = coco_mask.frPyObjects(mask, *shape)
    return coco_mask.decode(mask).astype(bool)


def _resized(labels: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Resize (h, w) labels to the size of a shown image, (H, W), without new values."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(shown.shape, labels.shape))
    return labels[rows][:, columns]
