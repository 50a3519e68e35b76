"""Curves over iterations or other numbers, as one SVG drawing of several panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
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
    """Points (x, y) to be joined; texts as x are evenly spaced, in the order of their appearance.

    Attributes:
        label: Its name; curves of one name share a colour.
        spread: Nothing, or how far each y varies: a band, error bars in a marked panel. NaN: none.
        published: Whether it is another work's: dashed.
    """

    x: Sequence[float] | Sequence[str]
    y: Sequence[float]
    label: str
    spread: Sequence[float] = ()
    published: bool = False


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        title: Above the axes.
        curves: What is drawn.
        log: Whether the values' axis is logarithmic.
        marked: Whether every point is marked (for few points). A single point always is.
        x_label: Below the axes.
        log_x: Whether the axis below is logarithmic.
    """

    title: str
    curves: Sequence[Curve] = ()
    log: bool = False
    marked: bool = False
    x_label: str = 'iteration'
    log_x: bool = False


def curves(panels: Sequence[Panel], columns: int = 2) -> str:
    """Draw panels in rows.

    Args:
        panels: At least one.
        columns: Panels in a row.

    Returns:
        The drawing's SVG text, the same for the same values.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    with rc_context(_STYLE):
        size = (4.6 * columns, 2.7 * rows) if columns > 1 else (6.4, 3.3 * rows)
        figure = Figure(figsize=size, layout='constrained')
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
    style = dict(markersize=3, linewidth=1.3, alpha=0.85)
    for curve in panel.curves:
        label = None if curve.label in colors else curve.label
        color = colors.setdefault(curve.label, COLORS[len(colors) % len(COLORS)])
        line = '--' if curve.published else '-'
        marker = 'o' if panel.marked or len(curve.x) == 1 else None
        ax.plot(curve.x, curve.y, color=color, label=label, linestyle=line, marker=marker, **style)
        if len(curve.spread) and panel.marked:
            bars = dict(fmt='none', ecolor=color, capsize=3, linewidth=1)
            ax.errorbar(curve.x, curve.y, curve.spread, **bars)
        elif len(curve.spread):
            low, high = (np.add(curve.y, sign * np.array(curve.spread)) for sign in (-1, 1))
            ax.fill_between(curve.x, low, high, color=color, alpha=0.18, linewidth=0)
    if any(curve.published for curve in panel.curves):
        ax.plot([], [], color='#555', linestyle='--', linewidth=1.3, label='published')
    ax.set_title(panel.title, loc='left', fontsize=10, color='#222')
    ax.set_xlabel(panel.x_label)
    if panel.log:
        ax.set_yscale('log')
    if panel.log_x:
        ax.set_xscale('log')
    if any(colors):
        ax.legend(fontsize=8, framealpha=0.8, edgecolor='none')
