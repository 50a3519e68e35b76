"""Define figures and their context in a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.suite import Protocol, Suite, Task
from mmmask.config.read import read_config
from mmmask.utils.errors import UserError


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
        caption: Below it: the content and how it was made.
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
    """The protocol that a figure is for, with its suite and results.

    Attributes:
        suite: The suite.
        work_dir: Folder of its results.
        protocol: The protocol that asks for the figure.
    """

    suite: Suite
    work_dir: Path
    protocol: Protocol

    def folder(self, task: Task) -> TaskFolder:
        """Return a task's folder."""
        return TaskFolder(self.work_dir / task.name)

    @property
    def tasks(self) -> list[Task]:
        """Return the protocol's tasks that are done, in the suite's order."""
        tasks = [t for t in self.suite.tasks if t.protocol.name == self.protocol.name]
        return [task for task in tasks if self.folder(task).result]

    def config(self, task: Task) -> Config:
        """Read the config that a task was run with, as mmengine wrote it into the task's folder.

        Raises:
            UserError: If it isn't there.
        """
        name = Path(task.protocol.config.split('::')[-1]).name
        return read_config(str(self.folder(task).path / name))

    def checkpoint(self, task: Task) -> str:
        """Return the path of the last checkpoint of a training.

        Raises:
            UserError: If it isn't there any more.
        """
        path = self.folder(task).result.get('output_checkpoint')
        if not path or not (self.suite.root / path).is_file():
            raise UserError(f'{task.name} has no checkpoint ({path})')
        return str(self.suite.root / path)

    def arms(self) -> list[Task]:
        """Return one trained task of each arm, the baseline's first, all of the lowest common seed.

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
