"""Find the layout of a config's data set, and check it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmmask.datasets.checks import check_coco_content, class_folders, read_coco
from mmmask.datasets.layouts import (
    Found,
    Scan,
    cifar,
    coco,
    flowers,
    folder,
    imagenet,
    inaturalist,
    segmentation,
)


@dataclass(frozen=True)
class Place:
    """The folders, files and class names that a config gives a data set.

    Attributes:
        mode: ``train``, ``val`` or ``test``.
        root: ``data_root``.
        folders: ``data_prefix`` by name, below the root; a single one is named ``''``.
        ann_file: ``ann_file``, below the root.
        names: Names of the classes, in the order of the labels.
        num_classes: Classes of the model; None where it isn't known.
    """

    mode: str
    root: Path
    folders: dict[str, Path]
    ann_file: Path | None
    names: Sequence[str] | None
    num_classes: int | None = None

    @property
    def images(self) -> Path:
        """Folder of the images."""
        return next(
            (self.folders[k] for k in ('', 'img', 'img_path') if k in self.folders), self.root
        )


def check_layout(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found | None:
    """Check a data set of a known layout.

    Returns:
        What was found; None of an unknown layout.

    Raises:
        UserError: The first thing that a run would stumble over.
    """
    layout = find_layout(kind)
    return layout.check(dataset, kind, place, scan) if layout is not None else None


def known_classes(dataset: dict, family: set[str]) -> int | None:
    """Number of classes of a data set that brings no names of them."""
    if 'Flowers102' in family:
        return flowers.NUM_CLASSES
    return dataset.get('num_classes') if 'INaturalist' in family else None


def argument(dataset: dict, kind: Any, name: str) -> Any:
    """An argument of a data set: the config's, or the class's default."""
    for parent in kind.__mro__:
        parameter = inspect.signature(parent.__init__).parameters.get(name)
        if parameter is not None:
            return dataset.get(name, parameter.default)
    return dataset.get(name)


def _imagenet(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found | None:
    split = dataset.get('split', '')
    images = place.images if dataset.get('data_prefix') else place.root / split
    split = split or images.name
    if split == 'test' or not dataset.get('with_label', True):
        return folder.check_image_folder(images, False, scan) if scan.thorough else None
    ann_file = place.ann_file
    if ann_file is None and dataset.get('split') and (place.root / f'meta/{split}.txt').is_file():
        ann_file = place.root / f'meta/{split}.txt'
    if ann_file is not None:
        return imagenet.check_image_list(ann_file, images, split, len(place.names), scan)
    return imagenet.check_imagenet(images, split, len(place.names), scan)


def _folder(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found | None:
    with_label, split = dataset.get('with_label', True), place.images.name
    if place.ann_file and not with_label:
        return imagenet.check_unlabelled_list(place.ann_file, place.images, scan)
    if place.ann_file:
        classes = len(place.names) if place.names else place.num_classes
        return imagenet.check_image_list(place.ann_file, place.images, split, classes, scan)
    if with_label and imagenet.looks_like_imagenet(place.images):
        # Another number than ImageNet's is compared with the model's heads.
        classes = 1000 if place.num_classes == 1000 else len(class_folders(place.images))
        return imagenet.check_imagenet(place.images, split, classes, scan)
    return folder.check_image_folder(place.images, with_label, scan)


def _coco(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found | None:
    if not place.names or place.ann_file is None:
        return None
    subset = 'subset' in (dataset.get('metainfo') or {})
    labelled = not dataset.get('test_mode')
    if not _reads_like(kind, 'CocoDataset'):  # another json: its categories alone are known
        content = read_coco(place.ann_file, labelled)
        check_coco_content(content, place.ann_file, place.names, subset, labelled)
        return None
    return coco.check_coco(place.ann_file, place.images, place.names, subset, scan, labelled)


def _segmentation(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found | None:
    maps = place.folders.get('seg_map_path')
    if not place.names or maps is None or not _reads_like(kind, 'BaseSegDataset'):
        return None
    builtin = (getattr(kind, 'METAINFO', None) or {}).get('classes')
    return segmentation.check_segmentation(
        place.images,
        maps,
        (argument(dataset, kind, 'img_suffix'), argument(dataset, kind, 'seg_map_suffix')),
        len(builtin or place.names),  # the maps hold all classes, also where some are chosen
        argument(dataset, kind, 'reduce_zero_label'),
        scan,
        place.ann_file if place.ann_file and place.ann_file.is_file() else None,
        argument(dataset, kind, 'ignore_index'),
        kind.__name__,
    )


def _cifar(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found:
    files = dict(train=kind.train_list, test=kind.test_list)
    batches = place.images / kind.base_folder
    split = argument(dataset, kind, 'split')
    download = argument(dataset, kind, 'download') and not scan.thorough
    classes = len(kind.METAINFO['classes'])
    return cifar.check_cifar(batches, files, split, classes, scan, download)


def _flowers(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found:
    return flowers.check_flowers(place.root, argument(dataset, kind, 'split'), scan)


def _inaturalist(dataset: dict, kind: Any, place: Place, scan: Scan) -> Found:
    year, split, classes = (
        argument(dataset, kind, name) for name in ('year', 'split', 'num_classes')
    )
    return inaturalist.check_inaturalist(place.root, year, split, classes, scan)


def _reads_like(kind: Any, name: str) -> bool:
    """Return True if a class reads its files as its ancestor of that name does."""
    base = next(base for base in kind.__mro__ if base.__name__ == name)
    return kind.load_data_list is base.load_data_list


@dataclass(frozen=True)
class Layout:
    """A layout on disk: a tree to show, and the check for it."""

    tree: str
    check: Callable[[dict, Any, Place, Scan], Found | None]


# By the name of the data set's class or of its nearest ancestor here.
LAYOUTS = {
    'ImageNet': Layout(imagenet.TREE, _imagenet),
    'CustomDataset': Layout(folder.TREE, _folder),
    'CocoDataset': Layout(coco.TREE, _coco),
    'ADE20KDataset': Layout(segmentation.ADE20K_TREE, _segmentation),
    'CityscapesDataset': Layout(segmentation.CITYSCAPES_TREE, _segmentation),
    'BaseSegDataset': Layout(segmentation.TREE, _segmentation),
    'CIFAR10': Layout(cifar.TREE, _cifar),
    'Flowers102': Layout(flowers.TREE, _flowers),
    'INaturalist': Layout(inaturalist.TREE, _inaturalist),
}


def find_layout(kind: Any) -> Layout | None:
    """The layout of a data set's class; None if it is unknown."""
    names = [base.__name__ for base in getattr(kind, '__mro__', ())]
    return next((LAYOUTS[name] for name in names if name in LAYOUTS), None)


def expected_tree(dataset: dict, kind: Any) -> str | None:
    """Return the tree that a data set's folder should have; None if its layout is unknown."""
    layout = find_layout(kind)
    if layout is LAYOUTS['CustomDataset']:
        root = Path(dataset.get('data_root') or '')
        prefix = dataset.get('data_prefix')
        images = root / prefix if isinstance(prefix, str) else root
        if 'imagenet' in str(root).lower() or imagenet.looks_like_imagenet(images):
            return imagenet.TREE
    return layout.tree if layout is not None else None
