"""What a figure is, and what it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.suite import Protocol, Suite, Task
from mmmask.utils.errors import UserError
from mmmask.utils.picks import pick_evenly


@dataclass(frozen=True)
class Row:
    """A row of pictures: what it is, and a ``data:`` address for each column."""

    label: str
    pictures: Sequence[str]


@dataclass(frozen=True)
class Figure:
    """One drawing, or a table of pictures.

    Attributes:
        title: Above it.
        caption: Below it, what one sees and how it was made.
        drawing: A ``data:`` address, for a figure of one drawing.
        columns: Headings of the table.
        rows: Its rows.
        legend: (name, CSS colour) of each class that is shown.
    """

    title: str
    caption: str
    drawing: str = ''
    columns: Sequence[str] = ()
    rows: Sequence[Row] = ()
    legend: Sequence[tuple[str, str]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Context:
    """Whose figure it is.

    Attributes:
        suite: The suite.
        work_dir: Where its results are.
        protocol: The protocol that asks for the figure.
    """

    suite: Suite
    work_dir: Path
    protocol: Protocol

    def folder(self, task: Task) -> TaskFolder:
        """A task's folder."""
        return TaskFolder(self.work_dir / task.name)

    @property
    def tasks(self) -> list[Task]:
        """The protocol's tasks that are done, in the suite's order."""
        tasks = [t for t in self.suite.tasks if t.protocol.name == self.protocol.name]
        return [task for task in tasks if self.folder(task).result]

    def checkpoint(self, task: Task) -> Path:
        """What a training wrote last.

        Raises:
            UserError: If it isn't there any more.
        """
        path = self.folder(task).result.get('output_checkpoint')
        if not path or not (self.suite.root / path).is_file():
            raise UserError(f'{task.name} has no checkpoint ({path})')
        return self.suite.root / path

    def arms(self) -> list[Task]:
        """One trained task of each arm, the baseline's first, all of the lowest common seed.

        Raises:
            UserError: If no seed is done in every arm.
        """
        arms: dict[str, dict[int, Task]] = {}
        for task in self.tasks:
            arms.setdefault(task.arm, {})[task.seed] = task
        common = set.intersection(*(set(by_seed) for by_seed in arms.values())) if arms else set()
        if not common:
            raise UserError(f'no seed of {self.protocol.title} is done in every arm')
        ordered = sorted(arms, key=lambda arm: arm != self.protocol.baseline)
        return [arms[arm][min(common)] for arm in ordered]


def image_files(root: Path, pattern: str, count: int) -> list[Path]:
    """``count`` files that match, evenly spread over all of them.

    Raises:
        UserError: If none matches.
    """
    files = sorted(path for path in root.glob(pattern) if path.is_file())
    if not files:
        raise UserError(f'no image matches {pattern}')
    return pick_evenly(files, count)


def read_image(path: str | Path) -> np.ndarray:
    """An image file as (H, W, 3) uint8, RGB."""
    with Image.open(path) as image:
        return np.asarray(image.convert('RGB'))
