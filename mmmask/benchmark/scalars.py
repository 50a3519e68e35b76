"""Scalars over time, as mmengine logs them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

Series = tuple[list[float], list[float]]


def read_scalars(work_dir: Path) -> list[dict]:
    """Every line of every ``scalars.json`` of a run, the oldest part of a resumed run first.

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
    """Iterations and values of one scalar.

    Lines of training have ``iter``. Lines of an epoch-wise validation have only ``step``, the
    epoch: it is the last iteration that was logged in that epoch. Where a resumed run logs an
    iteration again, the later value holds.

    Args:
        lines: See :func:`read_scalars`.
        name: The scalar; lines without it, or with no number for it, are left out.

    Returns:
        Iterations, ascending, and values.
    """
    last_of_epoch: dict[float, float] = {}
    points: dict[float, float] = {}
    for line in lines:
        if 'iter' in line and 'epoch' in line:
            last_of_epoch[line['epoch']] = line['step']
        if not isinstance(line.get(name), (int, float)) or 'step' not in line:
            continue
        is_training = 'iter' in line
        step = line['step'] if is_training else last_of_epoch.get(line['step'], line['step'])
        points[step] = line[name]
    return sorted(points), [points[step] for step in sorted(points)]
