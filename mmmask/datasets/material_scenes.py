"""*Material scenes*: a small, real data set, made from photographs that packages carry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mmmask.datasets.materials import OTHERS, PHOTOGRAPHS
from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.datasets.store import refresh
from mmmask.datasets.writers import TREES
from mmmask.utils.progress import Progress

GENERATOR = 2
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
    progress: Callable[[str, int], Progress] = Progress,
) -> dict[str, dict[str, int]]:
    """Bring the material scenes under ``out`` up to date.

    Args:
        out: Folder of the data set; the trees are ``out/cls``, ``out/det`` and ``out/seg``.
        spec: What to make; the default set if None.
        seed: Seed of every random choice.
        trees: Which trees to make.
        progress: Makes the progress of a tree from its title and the number of its files.

    Returns:
        Per tree: ``files`` in all and how many were ``written``.

    Raises:
        UserError: A photograph is missing, or the folder holds strange files.
    """
    spec = spec or MaterialScenesSpec()
    summary = {}
    for tree in trees:
        writer = TREES[tree](spec, seed)
        names = writer.names()
        shown = progress(f'{tree}: files', len(names))
        changed = refresh(
            Path(out) / tree,
            recipe_of(tree, spec, seed),
            names,
            writer.make,
            lambda built, shown=shown: shown.advance(1),
        )
        summary[tree] = dict(files=len(names), written=len(changed))
    return summary
