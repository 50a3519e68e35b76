"""The data and the classes that a config names, looked at before anything is built."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmmask.datasets.checks import (
    check_class_folders,
    check_coco_classes,
    check_folder,
    check_num_classes,
    check_seg_labels,
)
from mmmask.errors import UserError
from mmmask.launch.signatures import accepted_keys, find_registered

# The heads whose num_classes are the data set's. Not a region proposal head's.
_HEADS = ('head', 'bbox_head', 'mask_head', 'decode_head', 'auxiliary_head')

# Bytes from which an annotation file takes too long to read twice (COCO's own are known to be
# right).
_LARGE = 64_000_000


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
    scope = cfg.get('default_scope', 'mmengine')
    heads = list(_class_counts(cfg.model, 'model'))
    for mode in modes:
        loader = cfg.get(f'{mode}_dataloader')
        if loader is not None and cfg.get(f'{mode}_cfg') is not None:
            for dataset in _datasets(loader.get('dataset')):
                _check_dataset(dataset, scope, heads, mode)


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


def _check_dataset(dataset: dict, scope: str, heads: list[tuple[str, int]], mode: str) -> None:
    kinds = find_registered(dataset.get('type'), scope)
    kind = kinds[0] if kinds else None
    if kind is None or dataset.get('backend_args') or _downloads(dataset, kind):
        return
    root = dataset.get('data_root') or ''
    if '://' in root:
        return
    if root:
        _check_root(Path(root), mode)
    prefixes = dataset.get('data_prefix') or ''
    prefixes = dict(prefixes) if isinstance(prefixes, dict) else {'': prefixes}
    folders = {name: Path(root, prefix) for name, prefix in prefixes.items() if prefix is not None}
    ann_file = Path(root, dataset['ann_file']) if dataset.get('ann_file') else None
    if ann_file is not None and not ann_file.is_file():
        raise UserError(f'the annotation file of {mode} does not exist: {ann_file}')
    for name, folder in folders.items():
        if name in ('', 'img', 'img_path') and (str(folder) != '.' or root):
            check_folder(folder, f'{mode} images')
    _check_classes(dataset, kind, heads, ann_file, folders)


def _check_root(root: Path, mode: str) -> None:
    if not root.is_dir() or next(root.iterdir(), None) is None:
        check_folder(root, f'{mode} data')  # says whether it is missing or empty


def _downloads(dataset: dict, kind: Any) -> bool:
    """Whether the data set fetches what is missing (CIFAR, MNIST)."""
    return 'download' in accepted_keys(kind).names and dataset.get('download', True)


def _check_classes(
    dataset: dict,
    kind: Any,
    heads: list[tuple[str, int]],
    ann_file: Path | None,
    folders: dict[str, Path],
) -> None:
    """Compare the model's heads with the data set's names, and these with the annotations."""
    family = {base.__name__ for base in getattr(kind, '__mro__', ())}
    metainfo = dataset.get('metainfo') or {}
    builtin = (getattr(kind, 'METAINFO', None) or {}).get('classes')
    names = metainfo.get('classes', builtin)
    names = None if isinstance(names, str) else names  # a string is a file with names
    for place, count in heads:
        with _at(place):
            if names:
                check_num_classes(names, count)
            elif 'CustomDataset' in family and not ann_file and dataset.get('with_label', True):
                check_class_folders(folders[''], count)
    if 'CocoDataset' in family and names and ann_file.stat().st_size < _LARGE:
        check_coco_classes(ann_file, names, len(names), allow_subset='subset' in metainfo)
    if 'BaseSegDataset' in family and names and not builtin and 'seg_map_path' in folders:
        check_seg_labels(
            folders['seg_map_path'],
            len(names),
            _value(dataset, kind, 'reduce_zero_label'),
            suffix=_value(dataset, kind, 'seg_map_suffix'),
        )


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Put the place in front of an error's message."""
    try:
        yield
    except UserError as error:
        raise UserError(f'{place}: {error}') from None


def _value(dataset: dict, kind: Any, name: str) -> Any:
    """An argument of a data set: the config's, or the class's default."""
    for parent in kind.__mro__:
        parameter = inspect.signature(parent.__init__).parameters.get(name)
        if parameter is not None:
            return dataset.get(name, parameter.default)
    return dataset.get(name)


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
