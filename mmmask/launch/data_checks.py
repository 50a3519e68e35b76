"""The data and the classes that a config names, looked at before anything is built."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

from mmmask.datasets.checks import (
    check_class_folders,
    check_folder,
    check_num_classes,
)
from mmmask.datasets.layouts import QUICK, Found, Scan
from mmmask.errors import UserError
from mmmask.launch.layout_checks import Place, argument, check_layout, known_classes
from mmmask.launch.signatures import accepted_keys, find_registered

# The heads whose num_classes are the data set's. Not a region proposal head's.
_HEADS = ('head', 'bbox_head', 'mask_head', 'decode_head', 'auxiliary_head')


# Data sets whose layouts say where images are; below their data_root there may be other files.
_SAY_THEMSELVES = {'CIFAR10', 'Flowers102', 'INaturalist'}


def check_data(cfg: Config, modes: Sequence[str]) -> None:
    """Look at the folders, annotation files and classes of the data sets that will be used.

    Only local files are looked at, and only what each kind of data set is known to need. A detector
    that is to learn some of a COCO file's categories only has ``subset=True`` in the data set's
    ``metainfo``.

    Args:
        cfg: The config.
        modes: Which of ``train``, ``val`` and ``test`` will run.

    Raises:
        UserError: For a missing or empty folder, a missing annotation file, or classes that don't
            fit.
    """
    for mode, dataset in data_sets(cfg, modes):
        found = check_data_set(cfg, mode, dataset, QUICK)
        differs = found.differs() if found is not None else None
        if differs and os.environ.get('RANK', '0') == '0':
            MMLogger.get_current_instance().warning(
                f'data of {mode} ({dataset.get("data_root")}): {differs}'
            )


def data_sets(cfg: Config, modes: Sequence[str]) -> Iterator[tuple[str, dict]]:
    """Mode and config of each data set that will be used, without its wrappers."""
    for mode in modes:
        loader = cfg.get(f'{mode}_dataloader')
        if loader is not None and cfg.get(f'{mode}_cfg') is not None:
            for dataset in _datasets(loader.get('dataset')):
                yield mode, dataset


def check_data_set(cfg: Config, mode: str, dataset: dict, scan: Scan) -> Found | None:
    """Look at one data set.

    Args:
        cfg: The config, for its scope and its heads' classes.
        mode: What the data set is for, as messages say it.
        dataset: Its config.
        scan: How thorough to be. Data that the run will download is left alone unless it is
            thorough.

    Returns:
        What was found; None where its class is unknown or the data aren't local.

    Raises:
        UserError: As `check_data` says.
    """
    kind = find_kind(cfg, dataset)
    root = dataset.get('data_root') or ''
    if kind is None or dataset.get('backend_args') or '://' in root:
        return None
    if not scan.thorough and _downloads(dataset, kind):
        return None
    if root:
        _check_root(Path(root), mode)
    prefixes = dataset.get('data_prefix') or ''
    prefixes = dict(prefixes) if isinstance(prefixes, dict) else {'': prefixes}
    folders = {name: Path(root, prefix) for name, prefix in prefixes.items() if prefix is not None}
    ann_file = Path(root, dataset['ann_file']) if dataset.get('ann_file') else None
    if ann_file is not None and not ann_file.exists():
        raise UserError(f'the annotation file of {mode} does not exist: {ann_file}')
    family = {base.__name__ for base in getattr(kind, '__mro__', ())}
    for name, folder in folders.items():
        wanted = name in ('', 'img', 'img_path') and not family & _SAY_THEMSELVES
        if wanted and (str(folder) != '.' or root):
            check_folder(folder, f'{mode} images')
    place = Place(mode, Path(root), folders, ann_file, _names(dataset, kind))
    _check_heads(cfg, dataset, family, place)
    return check_layout(dataset, kind, place, scan)


def find_kind(cfg: Config, dataset: dict) -> Any:
    """The class of a data set; None if it is unknown."""
    return next(
        iter(find_registered(dataset.get('type'), cfg.get('default_scope', 'mmengine'))), None
    )


def _datasets(node: Any) -> Iterator[dict]:
    """The data sets themselves, below wrappers that repeat, concatenate or mix them."""
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from _datasets(child)
    elif isinstance(node, dict):
        inner = node.get('dataset') or node.get('datasets')
        if inner is None:
            yield node
        else:
            yield from _datasets(inner)


def _check_root(root: Path, mode: str) -> None:
    if not root.is_dir() or next(root.iterdir(), None) is None:
        check_folder(root, f'{mode} data')  # says whether it is missing or empty


def _downloads(dataset: dict, kind: Any) -> bool:
    """Whether the data set fetches what is missing (CIFAR, MNIST)."""
    return 'download' in accepted_keys(kind).names and bool(argument(dataset, kind, 'download'))


def _names(dataset: dict, kind: Any) -> Sequence[str] | None:
    """Names of the classes: the config's, or the class's own."""
    builtin = (getattr(kind, 'METAINFO', None) or {}).get('classes')
    names = (dataset.get('metainfo') or {}).get('classes', builtin)
    return None if isinstance(names, str) else names  # a string is a file with names


def _check_heads(cfg: Config, dataset: dict, family: set[str], place: Place) -> None:
    """Compare the classes of the model's heads with the data set's."""
    known = known_classes(dataset, family)
    for where, count in _class_counts(cfg.get('model'), 'model'):
        with _at(where):
            if place.names:
                check_num_classes(place.names, count)
            elif known is not None and count != known:
                raise UserError(
                    f'the model has num_classes={count}, but the data set has {known} classes'
                )
            elif (
                'CustomDataset' in family and not place.ann_file and dataset.get('with_label', True)
            ):
                check_class_folders(place.images, count)


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Put the place in front of an error's message."""
    try:
        yield
    except UserError as error:
        raise UserError(f'{place}: {error}') from None


def _class_counts(node: Any, place: str) -> Iterator[tuple[str, int]]:
    """(place, num_classes) of every head, or model without one, that labels the data's classes."""
    if isinstance(node, dict):
        if place == 'model' and isinstance(node.get('num_classes'), int):
            yield f'{place}.num_classes', node['num_classes']
        for key, child in node.items():
            here = f'{place}.{key}'
            for index, head in enumerate(child if isinstance(child, (list, tuple)) else [child]):
                if (
                    key in _HEADS
                    and isinstance(head, dict)
                    and isinstance(head.get('num_classes'), int)
                ):
                    where = f'{here}.{index}' if isinstance(child, (list, tuple)) else here
                    yield f'{where}.num_classes', head['num_classes']
            yield from _class_counts(child, here)
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _class_counts(child, f'{place}.{index}')
