"""*Material scenes*: a small, real data set, made from photographs that packages carry."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from mmmask.datasets.materials import OTHERS, PHOTOGRAPHS
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.datasets.store import refresh
from mmmask.datasets.validation import validate_tree
from mmmask.datasets.writers import TREES

GENERATOR = 1
"""Version of the composition: raise it when the same specification gives other pixels."""


def recipe_of(tree: str, spec: MaterialScenesSpec, seed: int) -> dict:
    """All that the content of one tree depends on, as JSON values."""
    values = {name: getattr(spec, name) for name in TREES[tree].fields}
    values = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
    photographs = [[p.name, p.file, list(p.box), p.split, p.scale] for p in (*PHOTOGRAPHS, *OTHERS)]
    return dict(generator=GENERATOR, seed=seed, spec=values, photographs=photographs)


def prepare(
    out: str | Path,
    spec: MaterialScenesSpec | None = None,
    seed: int = 0,
    trees: tuple[str, ...] = tuple(TREES),
    progress: Callable[[str, int, int], None] = lambda tree, done, total: None,
) -> dict[str, dict[str, int]]:
    """Bring the material scenes under ``out`` up to date, and validate what was written.

    Args:
        out: Folder of the data set; the trees are ``out/cls``, ``out/det`` and ``out/seg``.
        spec: What to make; the default set if None.
        seed: Seed of every random choice.
        trees: Which trees to make.
        progress: Called with a tree's name, files done and files in all.

    Returns:
        Per tree: ``files`` in all and how many were ``written``.

    Raises:
        UserError: A photograph is missing, the folder holds strange files, or what was written
            isn't right.
    """
    spec = spec or MaterialScenesSpec()
    summary = {}
    for tree in trees:
        writer = TREES[tree](spec, seed)
        names = writer.names()
        done = 0

        def tick(built: bool, tree: str = tree, total: int = len(names)) -> None:
            nonlocal done
            done += 1
            progress(tree, done, total)

        root = Path(out) / tree
        changed = refresh(root, recipe_of(tree, spec, seed), names, writer.make, tick)
        if changed:
            validate_tree(tree, root, spec)
        summary[tree] = dict(files=len(names), written=len(changed))
    return summary


class ProgressLine:
    """Files done and the time that remains: rewritten in place on a terminal, else rarely."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self.stream, self.interval = stream, 0.5 if stream.isatty() else 5.0
        self.tree, self.start, self.shown = '', 0.0, 0.0

    def __call__(self, tree: str, done: int, total: int) -> None:
        """Report ``done`` of ``total`` files of ``tree``."""
        now = time.monotonic()
        if tree != self.tree:
            self.tree, self.start, self.shown = tree, now, now
        if done < total and now - self.shown < self.interval:
            return
        if done == total and self.shown == self.start and now - self.start < self.interval:
            return  # nothing to wait for: no line
        self.shown = now
        remaining = (now - self.start) / done * (total - done)
        end = '\n' if done == total else '\r' if self.stream.isatty() else '\n'
        text = f'{tree}: {done}/{total} files, ETA {remaining:.0f} s'
        self.stream.write(f'{text:<60}{end}')
        self.stream.flush()
