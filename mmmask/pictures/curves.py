"""Curves over iterations, as one SVG drawing of several panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes
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
    """Points (x, y) to be joined, and their name; curves of one name share a colour."""

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
    curves: Sequence[Curve] = ()
    log: bool = False
    marked: bool = False


def curves(panels: Sequence[Panel], columns: int = 2) -> str:
    """Draw panels in rows, over iterations.

    Args:
        panels: At least one.
        columns: Panels in a row.

    Returns:
        The drawing's SVG text, the same for the same values.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.6 * columns, 2.7 * rows), layout='constrained')
        axes = figure.subplots(rows, columns, squeeze=False).flatten()
        for ax, panel in zip(axes, panels):
            _draw(ax, panel)
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata={'Date': None})
    return buffer.getvalue()


def _draw(ax: Axes, panel: Panel) -> None:
    colors: dict[str, str] = {}
    style = dict(markersize=3, linewidth=1.3, alpha=0.85, marker='o' if panel.marked else None)
    for curve in panel.curves:
        label = None if curve.label in colors else curve.label
        color = colors.setdefault(curve.label, COLORS[len(colors) % len(COLORS)])
        ax.plot(curve.x, curve.y, color=color, label=label, **style)
    ax.set_title(panel.title, loc='left', fontsize=10, color='#222')
    ax.set_xlabel('iteration')
    if panel.log:
        ax.set_yscale('log')
    if any(colors):
        ax.legend(frameon=False, fontsize=8)
