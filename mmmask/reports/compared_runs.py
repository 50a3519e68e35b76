"""Reads the folders of runs for a comparison: results, configs, and where weights come from."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from os.path import commonpath, relpath
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmmask.benchmark.folder import TaskFolder, read_json
from mmmask.config.checkpoints import named_checkpoints
from mmmask.config.read import config_name
from mmmask.launch.settings import plain
from mmmask.utils.errors import UserError
from mmmask.utils.literals import read_assignments

from .conditions import training_settings


@dataclass(frozen=True)
class Weights:
    """Tells where weights come from.

    Attributes:
        label: In words.
        options: Words of the command, which tell those with an equal label apart.
        key: Equal for weights that were made the same way but for the seed.
        seed: Of the first training among those that made the weights; None if it isn't known.
        settings: Of the training that made the weights; empty if they aren't known.
    """

    label: str
    key: str
    seed: int | None = None
    settings: dict = field(default_factory=dict)
    options: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Run:
    """A run that is done.

    Attributes:
        name: What the report calls it, a path.
        folder: Where it is.
        result: Content of ``result.json``.
        state: Content of a suite's ``task.json``; empty for a run by hand.
        config: As it was run with, plain values; None if the folder doesn't have it.
        given_arm: What its suite calls the arm; empty for a run by hand.
    """

    name: str
    folder: Path
    result: dict
    state: dict
    config: dict | None
    given_arm: str = ''

    @property
    def metrics(self) -> dict[str, float]:
        """Return what it measured."""
        return self.result['metrics']

    @property
    def words(self) -> list[str]:
        """Return the words of its command behind ``mmmask``."""
        return shlex.split(self.result['command'])[1:]

    @property
    def is_training(self) -> bool:
        """Return whether the command trains."""
        return self.words[:1] == ['train']

    @property
    def is_pretraining(self) -> bool:
        """Return whether it trains without a validation: its metrics are those of hooks."""
        return self.is_training and not (self.config or {}).get('val_evaluator')

    @property
    def command(self) -> str:
        """Return the command, for a shell."""
        environment = ' '.join(f'{k}={v}' for k, v in self.state.get('environment', {}).items())
        return f'{environment} {self.state.get("command", self.result["command"])}'.strip()

    @property
    def seconds(self) -> float:
        """Return the duration of all attempts."""
        return self.state.get('seconds', self.result.get('duration_s', 0.0))

    @cached_property
    def outcomes(self) -> dict[str, tuple[np.ndarray, str]]:
        """Return what each test image contributed to metrics, (N,), and its unit."""
        return TaskFolder(self.folder).outcomes

    @cached_property
    def weights(self) -> Weights:
        """Return where the measured weights come from.

        A pre-training is told by its own settings, an evaluation by the checkpoint that it took.
        """
        own = self._trained() if self.is_pretraining else self._started_from()
        return replace(own, label=self.given_arm, options=()) if self.given_arm else own

    @property
    def seed(self) -> int:
        """Return the seed by which runs are paired: that of the weights, where it is known."""
        return self.result['seed'] if self.weights.seed is None else self.weights.seed

    def _started_from(self) -> Weights:
        """Return where the checkpoints come from that it started from."""
        taken = list(self._checkpoints())
        if not taken:
            label = 'from scratch' if self.is_training else 'untrained'
            return Weights(label, label)
        found = {place: self._source(*source) for place, *source in taken}
        if len(found) == 1:
            return next(iter(found.values()))
        key = json.dumps({place: weights.key for place, weights in found.items()})
        first = next(iter(found.values()))
        return Weights(' + '.join(w.label for w in found.values()), key, first.seed, first.settings)

    def _checkpoints(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield the place, the path and, if it is known, the hash of each checkpoint."""
        path, sha256 = self.result.get('checkpoint'), self.result.get('checkpoint_sha256')
        if not self.is_training or not self.config:
            if path:
                yield 'checkpoint', path, sha256
            return
        for named in named_checkpoints(Config(self.config)):
            yield named.place, named.path, sha256 if named.path == path else None

    def _source(self, path: str, sha256: str | None) -> Weights:
        """Return where a checkpoint comes from: a run whose folder is found, or a file."""
        file = Path(path)
        beside = self.folder.parent / file.parent.name
        for folder in dict.fromkeys((file.parent.resolve(), beside.resolve())):
            made = read_run(folder, folder.name) if '://' not in path else None
            # A later run in the same folder didn't make what this one took.
            if made and made.is_training and made.result['started'] <= self.result['started']:
                own = made._trained()
                if Path(made.result.get('output_checkpoint') or file).name == file.name:
                    return own
                key = json.dumps([own.key, file.name])
                return replace(own, label=f'{own.label}, {file.stem}', key=key)
        return Weights('/'.join(file.parts[-2:]), sha256 or path)

    def _trained(self) -> Weights:
        """Return what the training's own weights come from: settings and earlier weights."""
        before = self._started_from()
        settings = training_settings(self.config or {}, self.result.get('data', {}))
        key = json.dumps([settings, before.key], sort_keys=True)
        seed = self.result['seed'] if before.seed is None else before.seed
        label = config_name(self.result['config'])
        if self.state:  # a suite's task has a name of its own
            label = self.given_arm or self.folder.name.removesuffix(f'-s{self.result["seed"]}')
        return Weights(label, key, seed, settings, () if self.state else self._options())

    def _options(self) -> tuple[str, ...]:
        """Return the options of the command that change settings other than weights."""
        words = self.words
        if '--cfg-options' not in words:
            return ()
        options = []
        for word in words[words.index('--cfg-options') + 1 :]:
            if word.startswith('--'):
                break
            if 'init_cfg' not in word and 'load_from' not in word:
                options.append(word)
        return tuple(options)


def read_runs(folders: Iterable[str | Path]) -> tuple[list[Run], list[str]]:
    """Read the runs of folders: each is a run's own, or has those of runs in it, at any depth.

    Returns:
        The runs that are done, each once, and the paths of those that aren't.

    Raises:
        UserError: If there is no such folder, no run in it is done, or a file is damaged.
    """
    _arms.cache_clear()
    found: list[Path] = []
    undone: list[str] = []
    for given in map(Path, folders):
        if not given.is_dir():
            raise UserError(f"There is no folder '{given}': name those of runs or suites.")
        own = list(_run_folders(given))
        done = [path for path in own if TaskFolder(path).result]
        undone += [str(path) for path in own if path not in done]
        if not done:
            why = f'{len(own)} run(s) in it are not done' if own else 'no run is in it'
            raise UserError(f"'{given}' has no result.json: {why}.")
        found += [path.resolve() for path in done]
    base = commonpath({path.parent for path in found})
    runs = (read_run(path, relpath(path, base)) for path in dict.fromkeys(found))
    return [run for run in runs if run], undone


def read_run(folder: Path, name: str) -> Run | None:
    """Read the folder of a run; None if no run has ended there.

    Args:
        folder: The run's.
        name: What to call it.

    Raises:
        UserError: If a file is damaged, or isn't what a run writes.
    """
    files = TaskFolder(folder)
    result, state = files.result, files.state
    if result is None:
        return None
    if missing := [key for key in ('config', 'metrics', 'seed', 'command') if key not in result]:
        raise UserError(f'{folder / "result.json"} has no {missing[0]!r}: no run wrote it.')
    path = folder / f'{config_name(result["config"])}.py'
    if path.is_file():
        config = plain(read_assignments(path.read_text(encoding='utf-8')))
    else:
        config = state.get('identity', {}).get('config')
    return Run(name, folder, result, state, config, _arms(folder.parent).get(folder.name, ''))


def _run_folders(folder: Path) -> Iterator[Path]:
    """Yield the folder itself if it is a run's, else those of runs below; hidden ones are not."""
    if (folder / 'result.json').is_file() or (folder / 'task.json').is_file():
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and not path.name.startswith('.'):
            yield from _run_folders(path)


@lru_cache(maxsize=1024)
def _arms(folder: Path) -> dict[str, str]:
    """Return the arms of a suite's tasks, which its ``results.json`` names."""
    records: Any = read_json(folder / 'results.json') or []
    return {record['task']: record['arm'] for record in records}


def distinct_names(runs: Sequence[Run]) -> dict[str, str]:
    """Return a name for each key of weights: the label, with what tells it from equal ones.

    That is the options that not all of them have, else the name of a run.
    """
    first: dict[str, Run] = {}
    for run in runs:
        first.setdefault(run.weights.key, run)
    sharing: dict[str, list[Weights]] = {}
    for run in first.values():
        sharing.setdefault(run.weights.label, []).append(run.weights)
    names = {}
    for label, several in sharing.items():
        common = set.intersection(*(set(weights.options) for weights in several))
        for weights in several:
            own = ' '.join(word for word in weights.options if word not in common)
            names[weights.key] = f'{label} ({own})' if own else label
    shared = {name for name, count in Counter(names.values()).items() if count > 1}
    return {k: f'{n} [{first[k].name}]' if n in shared else n for k, n in names.items()}
