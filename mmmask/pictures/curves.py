"""Curves over iterations, as one SVG drawing of several panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLORS = ('#2463c9', '#d9622b', '#2f9e5b', '#9a4fc2', '#c2358a', '#7c6a2d', '#0f9bb0', '#666e7a')
_STYLE = {
    'font.size': 9,
    'font.family': 'sans-serif',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.edgecolor': '#9aa3ad',
    'axes.grid': True,
    'grid.color': '#e6e9ed',
    'xtick.color': '#555',
    'ytick.color': '#555',
    'svg.fonttype': 'path',
    'svg.hashsalt': 'mmmask',
}


@dataclass(frozen=True)
class Curve:
    """Points to be joined.

    Attributes:
        x: Iterations.
        y: Values, as many.
        label: For the legend; curves of one label share a colour.
    """

    x: Sequence[float]
    y: Sequence[float]
    label: str


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        title: Above the axes.
        curves: What is drawn.
        log: Whether the values' axis is logarithmic.
        marked: Whether every point is marked (for few points).
    """

    title: str
    curves: Sequence[Curve] = field(default_factory=tuple)
    log: bool = False
    marked: bool = False


def curves(panels: Sequence[Panel], columns: int = 2, xlabel: str = 'iteration') -> str:
    """Draw panels in rows.

    Args:
        panels: At least one.
        columns: Panels in a row.
        xlabel: Below every panel.

    Returns:
        The drawing's SVG text, the same for the same values.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.6 * columns, 2.7 * rows), layout='constrained')
        axes = figure.subplots(rows, columns, squeeze=False).flatten()
        for ax, panel in zip(axes, panels):
            _draw(ax, panel, xlabel)
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata={'Date': None})
    return buffer.getvalue()


def _draw(ax, panel: Panel, xlabel: str) -> None:
    labels = list(dict.fromkeys(curve.label for curve in panel.curves))
    known = set()
    for curve in panel.curves:
        ax.plot(
            curve.x,
            curve.y,
            color=COLORS[labels.index(curve.label) % len(COLORS)],
            marker='o' if panel.marked else None,
            markersize=3,
            linewidth=1.3,
            alpha=0.85,
            label=None if curve.label in known else curve.label,
        )
        known.add(curve.label)
    ax.set_title(panel.title, loc='left', fontsize=10, color='#222')
    ax.set_xlabel(xlabel)
    if panel.log:
        ax.set_yscale('log')
    if labels and labels != ['']:
        ax.legend(frameon=False, fontsize=8)
