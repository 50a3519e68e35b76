"""Draw curves of training."""

from __future__ import annotations

from collections.abc import Sequence

from mmmask.benchmark.scalars import read_scalars, series_of
from mmmask.pictures import Curve, Panel, curves, svg_uri
from mmmask.utils.errors import UserError

from .base import Context, Figure


def training(context: Context, *, panels: Sequence[dict], columns: int = 2) -> Figure:
    """Draw logged values over iterations, of all seeds.

    Args:
        context: A protocol that trains.
        panels: Each ``dict(title=..., names={scalar: label}, scale=1, log=False, marked=False)``;
            left out if none of its scalars was logged twice. The colour tells the arm and the
            scalar.
        columns: Panels in a row.
    """
    runs = [(task, read_scalars(context.work_dir / task.name)) for task in context.tasks]
    drawn = []
    for panel in panels:
        names, found = panel['names'], []
        for task, logged in runs:
            for name, label in names.items():
                x, y = series_of(logged, name)
                parts = [task.arm, label if len(names) > 1 else '']
                if len(x) > 1:
                    y = [panel.get('scale', 1) * value for value in y]
                    found.append(Curve(x, y, ', '.join(part for part in parts if part)))
        if found:
            flags = panel.get('log', False), panel.get('marked', False)
            drawn.append(Panel(panel['title'], found, *flags))
    if not drawn:
        raise UserError('nothing of it was logged')
    seeds = sorted({task.seed for task, _ in runs})
    return Figure(
        title='Training',
        caption=f'One line for each seed ({", ".join(map(str, seeds))}).',
        drawing=svg_uri(curves(drawn, columns)),
    )
