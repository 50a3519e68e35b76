"""Draw charts of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

INK, MUTED, GUIDED, RANDOM, FRAME = '#1f2430', '#6b7280', '#2f6db5', '#b8bec8', '#f5a623'


def draw_recalls(
    path: Path | BinaryIO, recalls: np.ndarray, expected: float, winner: tuple[int, int], title: str
) -> None:
    """Draw blocks by heads as a heat map with its numbers, the winner framed (GPA, Fig. 4).

    Args:
        path: A PNG file, or a buffer for one.
        recalls: (blocks, heads + 1) in [0, 1]; the last column is the sum over heads.
        expected: The recall of random patches.
        winner: Block and head of the highest recall.
        title: A line above.
    """
    values = 100 * recalls
    blocks, columns = values.shape
    size = (max(6.6, 2.4 + 0.72 * columns), 1.9 + 0.46 * blocks)
    figure = Figure(figsize=size, layout='constrained')
    axes = figure.subplots()
    # Centred on what random patches give: below it in another colour.
    chance = 100 * expected
    reach = max(float(np.abs(values - chance).max()), 1e-6)
    gap = 0.4  # before the sum over heads
    colors = dict(cmap='RdBu', vmin=chance - reach, vmax=chance + reach)
    edges = np.arange(blocks + 1) - 0.5
    heads = np.arange(columns) - 0.5
    picture = axes.pcolormesh(heads, edges, values[:, :-1], **colors)
    axes.pcolormesh(heads[-1] + gap + np.array([0, 1]), edges, values[:, -1:], **colors)
    places = [*range(columns - 1), columns - 1 + gap]
    for row in range(blocks):
        for column, place in enumerate(places):
            value = values[row, column]
            color = 'white' if abs(value - chance) > 0.6 * reach else INK
            centred = dict(ha='center', va='center', fontsize=9, color=color)
            axes.text(place, row, f'{value:.1f}', **centred)
    frame = dict(fill=False, edgecolor=FRAME, linewidth=3, clip_on=False)
    axes.add_patch(Rectangle((winner[1] - 0.5, winner[0] - 0.5), 1, 1, **frame))
    axes.set_xlim(-0.56, columns - 0.44 + gap)
    axes.set_ylim(blocks - 0.44, -0.56)  # the first block on top
    axes.set_xticks(places, [*map(str, range(columns - 1)), 'sum'])
    axes.set_yticks(range(blocks))
    axes.set_xlabel('head')
    axes.set_ylabel('block')
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=10, color=INK, loc='left')
    bar = figure.colorbar(picture, ax=axes, shrink=0.9, pad=0.02)
    bar.set_label(f'recall, %\n(white: random, {chance:.1f})', fontsize=9)
    bar.outline.set_visible(False)
    figure.savefig(path, dpi=130)


def draw_coverage(path: Path, result: dict, title: str) -> None:
    """Draw bars of each masker's recall, precision and lift, with standard errors.

    Args:
        path: A PNG file.
        result: Masker's name -> ``recall``, ``precision`` and ``lift``, each (mean, error).
        title: A line above.
    """
    names = list(result)
    figure = Figure(figsize=(11, 1.6 + 0.36 * len(names)), layout='constrained')
    places = np.arange(len(names))
    heads = dict(
        recall="objects' area that is masked, %",
        precision="masked area that is objects', %",
        lift='lift over random patches',
    )
    for axes, (key, label) in zip(figure.subplots(1, 3, sharey=True), heads.items()):
        factor = 1 if key == 'lift' else 100
        means = np.array([result[name][key][0] for name in names]) * factor
        errors = np.nan_to_num([result[name][key][1] for name in names]) * factor
        colors = [RANDOM if name == 'random' else GUIDED for name in names]
        axes.barh(places, means, xerr=errors, color=colors, ecolor=INK, height=0.66)
        axes.axvline(1 if key == 'lift' else means[0], color=MUTED, linewidth=1, linestyle='--')
        right = float((means + errors).max())
        for place, mean, error in zip(places, means, errors):
            text = f'{mean:.2f}' if key == 'lift' else f'{mean:.1f}'
            axes.text(mean + error + 0.02 * right, place, text, va='center', fontsize=8, color=INK)
        axes.set_xlim(0, 1.17 * right)
        axes.set_xlabel(label, fontsize=9)
        axes.set_yticks(places, names)
        axes.tick_params(axis='y', length=0)
        axes.tick_params(labelsize=9)
        axes.spines[['top', 'right', 'left']].set_visible(False)
        axes.invert_yaxis()
    figure.axes[0].set_ylim(len(names) - 0.4, -0.6)
    figure.suptitle(title, fontsize=10, color=INK, x=0.01, ha='left')
    figure.savefig(path, dpi=130)


def draw_loading(path: Path, report: dict, title: str) -> None:
    """Draw images/s by the number of workers, and where the time of an image goes.

    Args:
        path: A PNG file.
        report: As ``mmmask time-loader --json`` writes it.
        title: A line above.
    """
    parts = report['image']['parts']
    figure = Figure(figsize=(11, max(3.4, 1.5 + 0.26 * len(parts))), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
    rates = report['rates']
    workers, values = [rate['workers'] for rate in rates], [rate['images_per_s'] for rate in rates]
    places = np.arange(len(rates))
    left.bar(places, values, color=GUIDED, width=0.6)
    for place, value in zip(places, values):
        left.text(place, value, f'{value:.3g}', ha='center', va='bottom', fontsize=9, color=INK)
    step = report['step']
    if step is not None:
        left.axhline(step['images_per_s'], color=FRAME, linewidth=2)
        text = f'line: the step takes {step["images_per_s"]:.3g} images/s'
        left.set_title(text, fontsize=9, color=INK, loc='left')
    left.set_ylim(0, 1.15 * max(values + ([step['images_per_s']] if step else [])))
    left.set_xticks(places, workers)
    left.set_xlabel('workers', fontsize=9)
    left.set_ylabel('images/s', fontsize=9)
    rows = np.arange(len(parts))
    times = np.array([1e3 * part['seconds'] for part in parts])
    shades = [(GUIDED, '#85aedd', RANDOM)[min(len(part['path']), 3) - 1] for part in parts]
    right.barh(rows, times, color=shades, height=0.7)
    for row, value in zip(rows, times):
        right.text(value + 0.01 * times.max(), row, f'{value:.3g}', va='center', fontsize=9)
    names = ['    ' * (len(part['path']) - 1) + part['path'][-1] for part in parts]
    right.set_yticks(rows, names, ha='left')
    right.set_xlim(0, 1.12 * times.max())
    right.set_ylim(len(parts) - 0.4, -0.6)
    right.set_xlabel(
        f'ms of an image (sum {1e3 * report["image"]["seconds"]:.3g}; pale: contained in the bar '
        'above)',
        fontsize=9,
    )
    for axes in (left, right):
        axes.tick_params(length=0, labelsize=9)
        axes.spines[['top', 'right', 'left']].set_visible(False)
    figure.suptitle(title, fontsize=10, color=INK, x=0.01, ha='left')
    figure.draw_without_rendering()  # the widths of the names
    width = max(label.get_window_extent().width for label in right.get_yticklabels())
    right.tick_params(axis='y', pad=width * 72 / figure.dpi + 4)
    figure.savefig(path, dpi=130)
