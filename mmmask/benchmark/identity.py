"""Identifies a result by the resolved config, the seed, the input weights and the data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmmask.config.options import read_with_options
from mmmask.utils.errors import UserError
from mmmask.utils.files import sha256_of_file
from mmmask.utils.suggestions import suggestion

from .suite import Task


def _text(value: Any) -> str:
    """Return a text for a value that JSON doesn't know, equal in every process."""
    return getattr(value, '__qualname__', None) or repr(value)


@lru_cache(maxsize=256)
def _resolve(config: str, options: str) -> dict:
    resolved = read_with_options(config, json.loads(options))
    return json.loads(json.dumps(resolved.to_dict(), default=_text, sort_keys=True))


def resolve_config(task: Task, root: Path) -> dict:
    """Return the task's config with its bases and options, as JSON values (others by their name).

    Raises:
        UserError: If the config can't be read, or an option doesn't fit it.
    """
    config = task.protocol.config
    path = config if '::' in config else str(root / config)
    return _resolve(path, json.dumps(task.options, sort_keys=True))


def value_at(config: dict, dotted: str) -> Any:
    """Return the value at a dotted path; numbers index lists.

    Raises:
        UserError: If there is none.
    """
    value: Any = config
    for depth, key in enumerate(dotted.split('.')):
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}
        if not isinstance(value, dict) or key not in value:
            parent = '.'.join(dotted.split('.')[:depth]) or 'the config'
            hint = suggestion(key, value) if isinstance(value, dict) else ''
            raise UserError(f'{dotted!r}: {parent} has no {key!r}{hint}')
        value = value[key]
    return value


def protocol_values(task: Task, config: dict) -> dict[str, Any]:
    """Return a task's values by label, of the resolved config that it was run with, or None."""

    def value(path: str) -> Any:
        try:
            return value_at(config, path)
        except UserError:
            return None

    return {label: value(path) for label, path in task.protocol.values.items()}


@lru_cache(maxsize=1024)
def _sha256(path: Path, size: int, modified_ns: int) -> str:
    return sha256_of_file(path)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, computed again only when its size or time has changed."""
    path = Path(path).resolve()
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


def data_hashes(patterns: Iterable[str], root: Path) -> dict[str, str]:
    """Return the hash of every file that matches, by its path relative to the root.

    Raises:
        UserError: If a pattern matches nothing.
    """
    hashes = {}
    for pattern in patterns:
        files = sorted(path for path in root.glob(pattern) if path.is_file())
        if not files:
            raise UserError(f'no data: nothing matches {pattern}')
        hashes.update({str(path.relative_to(root)): sha256(path) for path in files})
    return hashes


def identity_of(
    task: Task, root: Path, files: Mapping[str, Path], data: dict[str, str]
) -> dict[str, Any]:
    """Return all that a result depends on, besides the program; a run is repeated if it changes.

    Args:
        task: The task.
        root: The suite's.
        files: The checkpoint of each of ``task.sources`` that is a file.
        data: As of :func:`data_hashes`.
    """
    weights: Any = {
        place: sha256(files[place]) if place in files else source
        for place, source in task.sources.items()
    }
    if not isinstance(task.weights, dict):
        weights = next(iter(weights.values()), None)
    identity = dict(
        run=task.protocol.run,
        seed=task.seed,
        weights=weights,
        data=data,
        config=resolve_config(task, root),
    )
    return identity if task.protocol.gpus == 1 else dict(identity, processes=task.protocol.gpus)


def first_change(old: Any, new: Any, path: str = '') -> str | None:
    """Describe the first difference of two identities; None if there is none."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f'{path}.{key}' if path else key
            if key not in old or key not in new:
                return f'{inner} is {"new" if key in new else "gone"}'
            if change := first_change(old[key], new[key], inner):
                return change
        return None
    if old == new:
        return None
    if path.partition('.')[0] in ('weights', 'data'):
        return f'{path} changed'
    short = [text if len(text) <= 40 else text[:37] + '...' for text in map(repr, (old, new))]
    return f'{path} changed from {short[0]} to {short[1]}'
