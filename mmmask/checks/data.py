"""Check a run's data: the files before anything is built, then what the built data sets give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, DefaultScope

from mmmask.checks.arrivals import look_into
from mmmask.checks.classes import (
    check_ann_files,
    check_heads,
    check_preprocessor,
    check_topk,
    compare_classes,
    head_classes,
)
from mmmask.checks.coco import reading_along
from mmmask.checks.found import QUICK, Found, Scan
from mmmask.checks.layouts import find_layout
from mmmask.checks.uses import Place, Use, data_sets, find_place, named_sets
from mmmask.datasets.folders import check_folder
from mmmask.utils.errors import UserError, explained


def check_files(cfg: Config, modes: Sequence[str], rank: int = 0) -> None:
    """Look for the folders and files of the data sets that will be used, before they are built.

    Args:
        cfg: The config.
        modes: Which of ``train``, ``val`` and ``test`` will run.
        rank: This process's: the first one looks for all.

    Raises:
        UserError: A folder or an annotation file is missing, empty or laid out differently, or a
            metric doesn't fit the data or the model.
    """
    if rank > 0:
        return
    with _advised(cfg):
        for use, dataset in data_sets(cfg, modes):
            look_for_files(cfg, use, dataset)
    check_metrics(cfg, modes)


def check_metrics(cfg: Config, modes: Sequence[str]) -> None:
    """Compare metrics and the preprocessor with the data and the model.

    Raises:
        UserError: A metric reads other annotations or more classes than there are, the map of a
            set's classes is missing, or `check_preprocessor` says so.
    """
    run = [mode for mode in modes if cfg.get(f'{mode}_cfg') is not None]
    for mode in run:
        check_ann_files(cfg, mode, [data for use, data in data_sets(cfg, [mode]) if use.for_model])
        for name, arguments in named_sets(cfg, mode):
            path = arguments.get('class_map')
            if isinstance(path, str) and not Path(path).is_file():
                raise UserError(
                    f'the class map does not exist: {path} [{mode}_cfg.sets.{name}=None leaves '
                    'this set out]'
                )
    check_topk(cfg, run)
    if 'train' in run:
        check_preprocessor(cfg)


def check_built(cfg: Config, built: Iterable[tuple[Use, dict, BaseDataset]]) -> None:
    """Compare what a run's own data sets give with their files, and with the model's heads.

    Args:
        cfg: The config.
        built: The use of each data set, its config, and itself.

    Raises:
        UserError: As `look_into` says, or classes differ.
    """
    with _advised(cfg):
        classes = []
        for use, config, dataset in built:
            found = look_into_built(cfg, use, config, dataset, QUICK)
            if found is None:
                continue
            differs = found.differs()
            for note in [differs, *found.notes] if differs else found.notes:
                MMLogger.get_current_instance().warning(
                    f'data of {use} ({config.get("data_root")}): {note}'
                )
            classes.append((use, found.classes))
        compare_classes(classes)


def look_for_files(cfg: Config, use: Use, dataset: dict, thorough: bool = False) -> None:
    """Look for the folders and files of one data set.

    Args:
        cfg: The config.
        use: What the data set is for, as messages say it.
        dataset: Its config.
        thorough: Whether data that the data set would download must be there.

    Raises:
        UserError: They are missing, empty or laid out differently.
    """
    place = find_place(cfg, dataset)
    if place is None or place.elsewhere:
        return
    if thorough:
        place = replace(place, config={**dataset, 'download': False})
    try:
        _look_for(use, place, head_classes(cfg))
    except UserError as error:
        raise _with_remedy(error, use) from error
    except OSError as error:
        raise UserError(
            f'the data of {use} cannot be read: {error.strerror}: {error.filename}'
        ) from error


def _with_remedy(error: UserError, use: Use) -> UserError:
    return UserError(f'{error} [{use.without} leaves this set out]') if use.without else error


def _look_for(use: Use, place: Place, num_classes: int | None) -> None:
    if place.config.get('data_root') and not place.downloads:
        root = place.root
        if root.is_dir() and next(root.iterdir(), None) is None:
            raise UserError(f'the folder of {use} data is empty: {root.absolute()}')
        if not root.is_dir():
            check_folder(root, f'{use} data')  # says whether it is missing or a file
    layout = find_layout(place)
    named = [place.root / name for name in layout.files] if layout else []
    for path in [*named, *([place.ann_file] if place.ann_file else [])]:
        if not path.exists():
            raise UserError(f'the annotation file of {use} does not exist: {path.absolute()}')
        if path.stat().st_size == 0:
            raise UserError(f'the annotation file of {use} is empty: {path.absolute()}')
    classes = (place.config.get('metainfo') or {}).get('classes')
    if isinstance(classes, str) and not Path(classes).is_file():
        raise UserError(
            f'metainfo.classes is {classes!r}: neither a list of names nor a file of them'
        )
    for name, folder in place.folders.items():
        if name in ('', 'img', 'img_path') and folder != place.root and not place.downloads:
            check_folder(folder, f'{use} images')
        elif name == 'seg_map_path':
            check_folder(folder, f'{use} label maps')
    if layout is not None:
        layout.look(place, num_classes)


def build_data_set(cfg: Config, use: Use, dataset: dict) -> BaseDataset:
    """Build a data set as a run would.

    Raises:
        UserError: Its class can't read the data.
    """
    scope = cfg.get('default_scope', 'mmengine')
    with (
        explained(f'{dataset["type"]} cannot read the data of {use} (damaged, or others)'),
        reading_along(),
        DefaultScope.overwrite_default_scope(scope),
    ):
        built = DATASETS.build(dataset)
        built.full_init()
    return built


def look_into_built(
    cfg: Config, use: Use, config: dict, dataset: BaseDataset, scan: Scan
) -> Found | None:
    """Look into one built data set, and compare its classes with the model's heads.

    Returns:
        What was found; None where the data set isn't one of mmengine's kind.

    Raises:
        UserError: As `look_into` says, or a head has another number of classes.
    """
    place = find_place(cfg, config)
    if place is None or not isinstance(dataset, BaseDataset):
        return None
    found = look_into(use, dataset, place, scan, head_classes(cfg) if use.for_model else None)
    if use.for_model and found.num_classes is not None:
        check_heads(cfg, found.num_classes, found.classes)
    return found


@contextmanager
def _advised(cfg: Config) -> Iterator[None]:
    """Let an error of the data name the command that shows more."""
    try:
        yield
    except UserError as error:
        config = cfg.filename or 'CONFIG'
        raise UserError(
            f'{error} [mmmask check-data {config} shows the layout it should have]'
        ) from error
