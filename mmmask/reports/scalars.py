"""Reads scalars over time, as mmengine logs them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mmmask.utils.errors import UserError

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


def series_of(lines: Iterable[dict], name: str, by_epoch: bool = False) -> Series:
    """Return iterations, or epochs, and values of one scalar.

    A line with ``iter`` says in ``step`` how many iterations are done. A validation's line has no
    ``iter``, and its ``step`` may count epochs: it belongs to the last iteration that was logged
    before it, if that is larger. Where a resumed run logs an iteration again, the later value
    holds.

    Args:
        lines: See :func:`read_scalars`.
        name: The scalar; lines without it, or with no number for it, are left out.
        by_epoch: Whether to return epochs that are done, with fractions, instead of iterations.

    Returns:
        Iterations or epochs, ascending, and values.

    Raises:
        UserError: If epochs are wanted and the run logged none.
    """
    lines = [line for line in lines if 'step' in line]
    length = _iterations_of_epoch(lines) if by_epoch else 1
    done = 0.0
    points: dict[float, float] = {}
    for line in lines:
        counts_epochs = 'iter' not in line and line['step'] < done
        done = line['step'] if 'iter' in line else max(line['step'], done)
        if isinstance(line.get(name), (int, float)):
            points[line['step'] if by_epoch and counts_epochs else done / length] = line[name]
    return sorted(points), [points[step] for step in sorted(points)]


def _iterations_of_epoch(lines: Iterable[dict]) -> float:
    """Return the length of an epoch; exact if an epoch's last iteration was logged."""
    lengths = [
        line['iter'] / line['epoch'] for line in lines if 'iter' in line and line.get('epoch')
    ]
    if not lengths:
        raise UserError("the run logged no epochs; draw it over iterations: x='iteration'")
    return max(lengths)
