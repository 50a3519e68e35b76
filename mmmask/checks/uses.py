"""Name the data sets that a run uses, and the folders and files of each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmmask.config.signatures import accepted_keys, find_parameter, find_registered
from mmmask.utils.files import is_remote

MODES = ('train', 'val', 'test')


@dataclass(frozen=True)
class Use:
    """The use of a data set in a run.

    Attributes:
        name: Its name in messages: ``train``, ``test bank``, ``knn query``.
        group: Data sets of one group have the same classes: those of the run, or those of a hook.
        for_model: Whether its labels are those of the model's heads.
        without: Option that leaves the data set out; '' where none does.
    """

    name: str
    group: str = 'run'
    for_model: bool = False
    without: str = ''

    def __str__(self) -> str:
        return self.name


def data_sets(cfg: Config, modes: Sequence[str]) -> Iterator[tuple[Use, dict]]:
    """Yield the use of each data set (``train``, ``test bank``, ``knn query``) and its config.

    Data sets are those of the modes, of their loops, with the named sets beside the test set
    (``test_cfg.sets``), and of the training's hooks, without wrappers.
    """
    for mode in modes:
        for use, loader, _ in _loaders(cfg, mode):
            for dataset in _unwrapped(loader.get('dataset')):
                yield use, dataset
        yield from _of_sets(cfg, mode)
    if 'train' in modes and cfg.get('train_cfg') is not None:
        for name, hook in (cfg.get('default_hooks') or {}).items():
            yield from _of_hook(name, hook)
        for hook in cfg.get('custom_hooks') or ():
            yield from _of_hook(str(hook.get('type')), hook)


def built_data_sets(runner: Runner, modes: Sequence[str]) -> Iterator[tuple[Use, dict, Any]]:
    """Yield the use, the config and the data set itself of those that a runner's loops have."""
    for mode in modes:
        loop = getattr(runner, f'{mode}_loop')
        for use, config, key in _loaders(runner.cfg, mode):
            loader = getattr(loop, key, None)
            if isinstance(loader, DataLoader):
                built = _unwrapped(loader.dataset)
                for dataset, itself in zip(_unwrapped(config['dataset']), built, strict=True):
                    yield use, dataset, itself


def _loaders(cfg: Config, mode: str) -> Iterator[tuple[Use, dict, str]]:
    """Yield the use and the config of a loop's loaders, and the loop's name of each."""
    if cfg.get(f'{mode}_cfg') is None:
        return
    if isinstance(cfg.get(f'{mode}_dataloader'), dict):
        yield Use(mode, for_model=True), cfg[f'{mode}_dataloader'], 'dataloader'
    for key, loader in cfg[f'{mode}_cfg'].items():
        if key.endswith('_dataloader') and isinstance(loader, dict):
            yield Use(f'{mode} {key.removesuffix("_dataloader")}'), loader, key


def named_sets(cfg: Config, mode: str) -> Iterator[tuple[str, dict]]:
    """Yield the name and the arguments of each set of a loop, ``test_cfg.sets`` without None."""
    for name, arguments in ((cfg.get(f'{mode}_cfg') or {}).get('sets') or {}).items():
        if isinstance(arguments, dict):
            yield name, arguments


def _of_sets(cfg: Config, mode: str) -> Iterator[tuple[Use, dict]]:
    """Yield the data sets of named sets: the mode's own, with what a set states in its place."""
    own = cfg.get(f'{mode}_dataloader') or {}
    for name, arguments in named_sets(cfg, mode):
        if stated := arguments.get('dataset'):
            use = f'{mode} set {name}'
            yield (
                Use(use, use, without=f'{mode}_cfg.sets.{name}=None'),
                {**own['dataset'], **stated},
            )


def _of_hook(name: str, hook: Any) -> Iterator[tuple[Use, dict]]:
    """Yield the data sets of the loaders that a hook has."""
    for key, loader in hook.items() if isinstance(hook, dict) else ():
        if key.endswith('_dataloader') and isinstance(loader, dict):
            for dataset in _unwrapped(loader.get('dataset')):
                yield Use(f'{name} {key.removesuffix("_dataloader")}', name), dataset


def _unwrapped(node: Any) -> Iterator[Any]:
    """Yield the data sets, or their configs, below wrappers that repeat or concatenate them."""
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from _unwrapped(child)
    elif node is not None:
        get = node.get if isinstance(node, dict) else partial(getattr, node)
        inner = get('dataset', None) or get('datasets', None)
        if inner is None:
            yield node
        else:
            yield from _unwrapped(inner)


@dataclass(frozen=True)
class Place:
    """The class, folders and files that a config gives a data set.

    Attributes:
        config: The data set's config.
        kind: Its class.
        root: ``data_root``.
        folders: ``data_prefix`` by name, below the root; a single one is named ``''``.
        ann_file: ``ann_file``, below the root.
        masks: Whether its pipeline, or a metric of a test set, needs the masks of objects.
    """

    config: dict
    kind: type
    root: Path
    folders: dict[str, Path]
    ann_file: Path | None
    masks: bool = False

    @property
    def family(self) -> list[str]:
        """Names of the class and its ancestors, nearest first."""
        return [base.__name__ for base in self.kind.__mro__]

    @property
    def images(self) -> Path:
        """Folder of the images."""
        split = self.config.get('split') if 'ImageNet' in self.family else None
        if split and not self.config.get('data_prefix'):
            return self.root / split
        names = ('', 'img', 'img_path')
        return next((self.folders[name] for name in names if name in self.folders), self.root)

    @property
    def elsewhere(self) -> bool:
        """Return True if a backend reads the files over a network, or from an archive."""
        steps = [step for step in self.config.get('pipeline') or () if isinstance(step, dict)]
        backend = any(part.get('backend_args') for part in (self.config, *steps))
        return backend or is_remote(self.config.get('data_root') or '')

    @property
    def downloads(self) -> bool:
        """Return True if the data set fetches absent files, as CIFAR and MNIST do."""
        return 'download' in accepted_keys(self.kind).names and bool(self.argument('download'))

    def argument(self, name: str) -> Any:
        """Return an argument of the data set: the config's, or the class's default."""
        parameter = find_parameter(self.kind, name)
        return self.config.get(name, parameter.default if parameter else None)

    def reads_like(self, name: str) -> bool:
        """Return True if the class reads its files as its ancestor of that name does."""
        bases = [base for base in self.kind.__mro__ if base.__name__ == name]
        return bool(bases) and self.kind.load_data_list is bases[0].load_data_list


def find_place(cfg: Config, dataset: dict) -> Place | None:
    """Return the place of a data set; None if its class is unknown."""
    scope = dataset.get('_scope_', cfg.get('default_scope', 'mmengine'))
    kind = next(iter(find_registered(dataset.get('type'), scope)), None)
    if not inspect.isclass(kind):
        return None
    root = dataset.get('data_root') or ''
    prefixes = dataset.get('data_prefix') or ''
    prefixes = dict(prefixes) if isinstance(prefixes, dict) else {'': prefixes}
    folders = {name: Path(root, prefix) for name, prefix in prefixes.items() if prefix is not None}
    ann_file = Path(root, dataset['ann_file']) if dataset.get('ann_file') else None
    listed = Path(root, f'meta/{dataset.get("split")}.txt')
    if ann_file is None and kind.__name__ == 'ImageNet' and listed.is_file():
        ann_file = listed  # mmpretrain takes it by itself
    masks = any(
        isinstance(step, dict) and step.get('with_mask') for step in dataset.get('pipeline') or ()
    )
    if dataset.get('test_mode'):
        metrics = [metric for mode in ('val', 'test') for _, metric in evaluators(cfg, mode)]
        masks = masks or any('segm' in (metric.get('metric') or ()) for metric in metrics)
    return Place(dataset, kind, Path(root), folders, ann_file, masks)


def evaluators(cfg: Config, mode: str) -> Iterator[tuple[str, dict]]:
    """Yield the place and the config of each metric of a mode."""
    found = cfg.get(f'{mode}_evaluator') or ()
    several = isinstance(found, (list, tuple))
    for index, evaluator in enumerate(found if several else [found]):
        place = f'{mode}_evaluator.{index}' if several else f'{mode}_evaluator'
        inner = evaluator.get('metrics')  # of type='Evaluator'
        for metric in inner if isinstance(inner, (list, tuple)) else [inner or evaluator]:
            if isinstance(metric, dict):
                yield place, metric
