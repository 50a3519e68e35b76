"""Reads scalars over time, as mmengine logs them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

Series = tuple[list[float], list[float]]


def read_scalars(work_dir: Path) -> list[dict]:
    """Read every line of every ``scalars.json`` of a run, the oldest part of a resumed run first.

    A line that was cut off by a kill is left out.
    """
    lines = []
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for text in path.read_text(errors='replace').splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                lines.append(line)
    return lines


def series_of(lines: Iterable[dict], name: str) -> Series:
    """Return iterations and values of one scalar.

    A line with ``iter`` says in ``step`` how many iterations are done. A validation's line has no
    ``iter``, and its ``step`` may count epochs: it belongs to the last iteration that was logged
    before it, if that is larger. Where a resumed run logs an iteration again, the later value
    holds.

    Args:
        lines: See :func:`read_scalars`.
        name: The scalar; lines without it, or with no number for it, are left out.

    Returns:
        Iterations, ascending, and values.
    """
    done = 0.0
    points: dict[float, float] = {}
    for line in lines:
        if 'step' not in line:
            continue
        done = line['step'] if 'iter' in line else max(line['step'], done)
        if isinstance(line.get(name), (int, float)):
            points[done] = line[name]
    return sorted(points), [points[step] for step in sorted(points)]
