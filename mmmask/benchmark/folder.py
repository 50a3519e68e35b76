"""Reads and writes a task's folder: its log, its state and its result."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from safetensors import safe_open

from mmmask.config.read import read_config
from mmmask.utils.errors import UserError
from mmmask.utils.files import write_json

ERROR_LINE = re.compile(r'(error: |[\w.]*(Error|Exception|Interrupt)\b)')


def read_json(path: Path) -> Any:
    """Read a JSON file; None if there is no such file.

    Raises:
        UserError: If it isn't JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f'{path} is damaged ({error}): remove its folder to run it again'
        ) from error


@dataclass(frozen=True)
class TaskFolder:
    """Reads and writes ``DIR/<task>`` on disk.

    ``task.json`` is the runner's. ``status`` is ``running``, ``interrupted``, ``done`` or
    ``failed``; ``identity`` is of :func:`~mmmask.benchmark.identity.identity_of`; ``seconds`` are
    those of all attempts. By ``note`` a later runner finds the processes. The others are
    ``command``, ``environment``, ``started``, ``attempts``, ``error`` and ``machine``.
    ``result.json`` and ``outcomes.safetensors`` are the tool's.
    """

    path: Path

    @property
    def log(self) -> Path:
        """The file with the output of all attempts."""
        return self.path / 'log.txt'

    @property
    def state(self) -> dict[str, Any]:
        """Content of ``task.json``; nothing before the first attempt."""
        return read_json(self.path / 'task.json') or {}

    @property
    def result(self) -> dict | None:
        """Content of ``result.json``; None if the run isn't done."""
        result = read_json(self.path / 'result.json')
        return result if result and result.get('status') == 'done' else None

    def config(self, name: str) -> Config:
        """Read the config that the task was run with, as mmengine wrote it here.

        Args:
            name: The config's name in the suite.
        """
        return read_config(str(self.path / Path(name.split('::')[-1]).name))

    @property
    def outcomes(self) -> dict[str, tuple[np.ndarray, str]]:
        """Each test image's part in a metric; nothing if the run kept none.

        Metric -> (N,), and what contributes: ``'image'``, ``'query'``, ...
        """
        path = self.path / 'outcomes.safetensors'
        if not path.is_file():
            return {}
        with safe_open(path, 'numpy') as file:
            units = file.metadata() or {}
            names = file.keys()
            return {name: (file.get_tensor(name), units.get(name, 'image')) for name in names}

    @property
    def can_resume(self) -> bool:
        """True if an interrupted training left a checkpoint."""
        return (self.path / 'last_checkpoint').is_file()

    @property
    def seconds(self) -> float:
        """Seconds of all attempts so far."""
        return self.state.get('seconds', 0.0)

    @property
    def attempt_seconds(self) -> float:
        """Seconds of the attempt that has left the result, by its own clock."""
        result = self.result or {}
        return result.get('duration_s', 0.0) - result.get('resumed_after_s', 0.0)

    def checkpoint(self, root: Path) -> Path:
        """Return the last checkpoint of a training.

        Raises:
            UserError: If it isn't there, or not any more.
        """
        path = (self.result or {}).get('output_checkpoint')
        if not path or not (root / path).is_file():
            left = f'{self.path.name} left no checkpoint ({path})'
            raise UserError(f'{left}: remove its folder to run it again')
        return root / path

    def write_state(self, **changes: Any) -> None:
        """Change some values of ``task.json``."""
        write_json(self.path / 'task.json', {**self.state, **changes})

    def supersede(self) -> None:
        """Move the folder out of the way, into ``DIR/.superseded``: nothing is deleted."""
        target = self.path.parent / '.superseded' / f'{self.path.name}-{time.time_ns()}'
        target.parent.mkdir(exist_ok=True)
        self.path.rename(target)

    def last_error(self) -> str:
        """Return the last line of the log that names an error, else its last line."""
        if not self.log.is_file():
            return 'no output'
        lines = [line.strip() for line in self.log.read_text(errors='replace').splitlines()]
        lines = [line for line in lines if line]
        errors = [line for line in lines if ERROR_LINE.match(line)]
        return (errors or lines or ['no output'])[-1][:300]
