"""ADE20K, Cityscapes and VOC 2012: 8 training and 4 validation scenes with their label maps."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import ndimage

from mmmask.datasets.miniatures.material import Files, class_of_materials, scene
from mmmask.datasets.writers import jpeg, png

COUNTS = {'train': 8, 'val': 4}

CITIES = {'train': ('aachen', 'bochum'), 'val': ('frankfurt', 'lindau')}

# Cityscapes' id of each of its 19 training classes.
CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
IGNORED = 255


def ade20k() -> Files:
    """``{images,annotations}/{training,validation}``; maps hold 0 (other) and 1 to 150."""
    found: Files = {}
    for split, count in COUNTS.items():
        folder = 'training' if split == 'train' else 'validation'
        for index in range(count):
            stem = f'{folder}/ADE_{split}_{index + 1:08d}'
            found[f'images/{stem}.jpg'] = partial(_ade_image, split, index)
            found[f'annotations/{stem}.png'] = partial(_ade_labels, split, index)
    return found


def _ade_image(split: str, index: int) -> bytes:
    return jpeg(scene(split, index).image, quality=90)


def _ade_labels(split: str, index: int) -> bytes:
    table = np.concatenate([[0], 1 + class_of_materials(150)]).astype(np.uint8)
    return png(table[scene(split, index).label_map()])


def cityscapes() -> Files:
    """``leftImg8bit`` and ``gtFine``, by city; images twice as wide as they are high.

    Beside the training labels, which mmseg reads (``labelTrainIds``: 0 to 18, 255 ignored), there
    are the published ones (``labelIds``: 0 to 33), from which they are usually made.
    """
    found: Files = {}
    for split, count in COUNTS.items():
        for index in range(count):
            city = CITIES[split][index % 2]
            stem = f'{split}/{city}/{city}_{index // 2:06d}_000019'
            found[f'leftImg8bit/{stem}_leftImg8bit.png'] = partial(_street, split, index)
            for kind, values in (('labelTrainIds', range(19)), ('labelIds', CITYSCAPES_IDS)):
                name = f'gtFine/{stem}_gtFine_{kind}.png'
                other = IGNORED if kind == 'labelTrainIds' else 0
                found[name] = partial(_street_labels, split, index, tuple(values), other)
    return found


def _street(split: str, index: int) -> bytes:
    """Two scenes side by side: ``(128, 256, 3)``."""
    halves = [scene(split, 2 * index + side).image for side in (0, 1)]
    return png(np.concatenate(halves, axis=1))


def _street_labels(split: str, index: int, values: tuple[int, ...], other: int) -> bytes:
    """Their label maps, ``values[class]`` at each pixel of a class."""
    table = np.array([other, *np.array(values)[class_of_materials(len(values))]], np.uint8)
    halves = [scene(split, 2 * index + side).label_map() for side in (0, 1)]
    return png(table[np.concatenate(halves, axis=1)])


def voc2012() -> Files:
    """``JPEGImages``, ``SegmentationClass``, ``SegmentationObject`` and ``ImageSets/Segmentation``.

    Maps hold 0 (background), 1 to 20 or the number of an object, and 255 along outlines.
    """
    found: Files = {}
    for split, count in COUNTS.items():
        names = [f'2007_{index + (0 if split == "train" else 500):06d}' for index in range(count)]
        for index, name in enumerate(names):
            found[f'JPEGImages/{name}.jpg'] = partial(_ade_image, split, index)
            for kind in ('Class', 'Object'):
                file = f'Segmentation{kind}/{name}.png'
                found[file] = partial(_voc_labels, split, index, kind == 'Class')
        listed = '\n'.join(names) + '\n'
        found[f'ImageSets/Segmentation/{split}.txt'] = listed.encode
    return found


def _voc_labels(split: str, index: int, of_classes: bool) -> bytes:
    picture = scene(split, index)
    labels = np.zeros(picture.image.shape[:2], np.uint8)
    classes = 1 + class_of_materials(20)[list(picture.labels)]
    for number, (mask, label) in enumerate(zip(picture.masks, classes, strict=True), start=1):
        labels[ndimage.binary_dilation(mask) & ~mask] = IGNORED
        labels[mask] = label if of_classes else number
    return png(labels)
