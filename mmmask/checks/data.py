"""The data and the classes that a config names, looked at before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

from mmmask.checks.classes import (
    check_heads,
    check_preprocessor,
    check_topk,
    compare_classes,
    head_classes,
)
from mmmask.checks.evaluators import check_ann_files
from mmmask.checks.layouts import Place, argument, check_layout, known_classes
from mmmask.config.signatures import accepted_keys, find_registered
from mmmask.datasets.checks import check_class_count, check_folder, check_num_classes
from mmmask.datasets.layouts import QUICK, Found, Scan
from mmmask.utils.errors import UserError

MODES = ('train', 'val', 'test')

# Data sets whose layouts say where images are; below their data_root there may be other files.
_SAY_THEMSELVES = {'CIFAR10', 'Flowers102', 'INaturalist'}


@dataclass(frozen=True)
class Use:
    """The use of a data set in a run.

    Attributes:
        name: Its name in messages: ``train``, ``test bank``, ``knn query``.
        group: Data sets of one group have the same classes: those of the run, or those of a hook.
        for_model: Whether its labels are those of the model's heads.
    """

    name: str
    group: str = 'run'
    for_model: bool = False

    def __str__(self) -> str:
        return self.name


def check_data(cfg: Config, modes: Sequence[str], rank: int = 0) -> None:
    """Look at the folders, annotation files and classes of the data sets that will be used.

    Only local files are looked at, and only what each kind of data set is known to need. A detector
    that is to learn some of a COCO file's categories only has ``subset=True`` in the data set's
    ``metainfo``.

    Args:
        cfg: The config.
        modes: Which of ``train``, ``val`` and ``test`` will run.
        rank: This process's: the first one looks for all.

    Raises:
        UserError: For a missing or empty folder, a missing annotation file, or classes that don't
            fit.
    """
    if rank > 0:
        return
    splits = []
    try:
        for use, dataset in data_sets(cfg, modes):
            found = check_data_set(cfg, use, dataset, QUICK)
            if found is not None:
                splits.append((use, found))
                _warn(use, dataset, found)
        check_uses(cfg, modes, splits)
    except UserError as error:
        config = cfg.filename or 'CONFIG'
        raise UserError(
            f'{error} [mmmask check-data {config} shows the layout it should have]'
        ) from error


def check_uses(cfg: Config, modes: Sequence[str], splits: Sequence[tuple[Use, Found]]) -> None:
    """Check what shows only in several data sets together.

    Args:
        cfg: The config.
        modes: Which of ``train``, ``val`` and ``test`` will run.
        splits: What each data set is for (as `data_sets` says it), and what was found in it.

    Raises:
        UserError: Splits have different classes, a metric reads other annotations or more classes
            than there are, or labels are mixed with another number of classes.
    """
    for group in dict.fromkeys(use.group for use, _ in splits):
        compare_classes([(use, found) for use, found in splits if use.group == group])
    run = [mode for mode in modes if cfg.get(f'{mode}_cfg') is not None]
    for mode in run:
        check_ann_files(cfg, mode, [data for use, data in data_sets(cfg, [mode]) if use.for_model])
    check_topk(cfg, run)
    if 'train' in run:
        check_preprocessor(cfg)


def _warn(use: Use, dataset: dict, found: Found) -> None:
    """Log what is unusual."""
    differs = found.differs()
    for note in [differs, *found.notes] if differs else found.notes:
        MMLogger.get_current_instance().warning(
            f'data of {use} ({dataset.get("data_root")}): {note}'
        )


def data_sets(cfg: Config, modes: Sequence[str]) -> Iterator[tuple[Use, dict]]:
    """Yield the use of each data set (``train``, ``test bank``, ``knn query``) and its config.

    Data sets are those of the modes, of their loops and of the training's hooks, without wrappers.
    """
    for mode in modes:
        if cfg.get(f'{mode}_cfg') is None:
            continue
        yield from _of_loader(Use(mode, for_model=True), cfg.get(f'{mode}_dataloader'))
        yield from _of_owner(mode, 'run', cfg[f'{mode}_cfg'])
    if 'train' in modes and cfg.get('train_cfg') is not None:
        for name, hook in (cfg.get('default_hooks') or {}).items():
            yield from _of_owner(name, name, hook)
        for hook in cfg.get('custom_hooks') or ():
            yield from _of_owner(str(hook.get('type')), str(hook.get('type')), hook)


def _of_owner(name: str, group: str, owner: Any) -> Iterator[tuple[Use, dict]]:
    """Data sets of the loaders that a loop or a hook has."""
    for key, loader in owner.items() if isinstance(owner, dict) else ():
        if key.endswith('_dataloader'):
            yield from _of_loader(Use(f'{name} {key.removesuffix("_dataloader")}', group), loader)


def _of_loader(use: Use, loader: Any) -> Iterator[tuple[Use, dict]]:
    for dataset in _datasets(loader.get('dataset')) if isinstance(loader, dict) else ():
        yield use, dataset


def check_data_set(cfg: Config, use: Use, dataset: dict, scan: Scan) -> Found | None:
    """Look at one data set.

    Args:
        cfg: The config, for its scope and its heads' classes.
        use: What the data set is for, as messages say it.
        dataset: Its config.
        scan: How thorough to be. Data that the run will download may be absent unless it is
            thorough.

    Returns:
        What was found; None where its class is unknown or the data aren't local.

    Raises:
        UserError: As `check_data` says.
    """
    try:
        return _check_data_set(cfg, use, dataset, scan)
    except OSError as error:
        raise UserError(
            f'the data of {use} cannot be read: {error.strerror}: {error.filename}'
        ) from error


def _check_data_set(cfg: Config, use: Use, dataset: dict, scan: Scan) -> Found | None:
    kind = find_kind(cfg, dataset)
    root = dataset.get('data_root') or ''
    if kind is None or dataset.get('backend_args') or '://' in root:
        return None
    family = {base.__name__ for base in getattr(kind, '__mro__', ())}
    names = _names(dataset, kind)
    if use.for_model:
        check_heads(cfg, partial(_check_count, names, known_classes(dataset, family)))
    downloads = not scan.thorough and _downloads(dataset, kind)
    if root and not downloads:
        _check_root(Path(root), use.name)
    place = _place(cfg, use, dataset, names)
    if place.ann_file is not None and not place.ann_file.exists():
        raise UserError(f'the annotation file of {use} does not exist: {place.ann_file.absolute()}')
    for name, folder in place.folders.items():
        wanted = name in ('', 'img', 'img_path') and not family & _SAY_THEMSELVES and not downloads
        if wanted and (str(folder) != '.' or root):
            check_folder(folder, f'{use} images')
    found = check_layout(dataset, kind, place, scan)
    if (
        use.for_model
        and found is not None
        and not names
        and 'CustomDataset' in family
        and found.classes
    ):
        check_heads(cfg, partial(check_class_count, place.images, found.classes))
    return found


def _place(cfg: Config, use: Use, dataset: dict, names: Sequence[str] | None) -> Place:
    root = Path(dataset.get('data_root') or '')
    prefixes = dataset.get('data_prefix') or ''
    prefixes = dict(prefixes) if isinstance(prefixes, dict) else {'': prefixes}
    folders = {name: root / prefix for name, prefix in prefixes.items() if prefix is not None}
    ann_file = root / dataset['ann_file'] if dataset.get('ann_file') else None
    return Place(use.name, root, folders, ann_file, names, head_classes(cfg))


def find_kind(cfg: Config, dataset: dict) -> Any:
    """The class of a data set; None if it is unknown."""
    scope = dataset.get('_scope_', cfg.get('default_scope', 'mmengine'))
    return next(iter(find_registered(dataset.get('type'), scope)), None)


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


def _check_root(root: Path, use: str) -> None:
    if root.is_dir() and next(root.iterdir(), None) is None:
        raise UserError(f'the folder of {use} data is empty: {root.absolute()}')
    if not root.is_dir():
        check_folder(root, f'{use} data')  # says whether it is missing or a file


def _downloads(dataset: dict, kind: Any) -> bool:
    """Return True if the data set downloads missing files (CIFAR, MNIST)."""
    return 'download' in accepted_keys(kind).names and bool(argument(dataset, kind, 'download'))


def _names(dataset: dict, kind: Any) -> Sequence[str] | None:
    """Names of the classes: the config's, those in the file that it names, or the class's own."""
    builtin = (getattr(kind, 'METAINFO', None) or {}).get('classes')
    names = (dataset.get('metainfo') or {}).get('classes', builtin)
    if not isinstance(names, str):
        return names
    if not Path(names).is_file():
        raise UserError(
            f'metainfo.classes is {names!r}: neither a list of names nor a file of them'
        )
    return Path(names).read_text().splitlines()


def _check_count(names: Sequence[str] | None, known: int | None, count: int) -> None:
    """The classes of a head against a data set's names, or their known number."""
    if names:
        check_num_classes(names, count)
    elif known not in (None, count):
        raise UserError(f'the model has num_classes={count}, but the data set has {known} classes')
