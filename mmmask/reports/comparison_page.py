"""Writes the page and the text that put runs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mmmask.config.read import config_name
from mmmask.utils.errors import UserError
from mmmask.utils.files import write_text_atomically
from mmmask.utils.text import aligned, in_words

from .compared_runs import Run, distinct_names, read_runs
from .comparison import Group, Refused, compare_runs, compared_metrics, metric_of
from .page import render_page
from .table import signed

_COLUMNS, _SHOWN = 4, 12
"""Metrics of the text, and its lines of verdicts and of refusals: the page has all."""


def report_on(
    folders: Sequence[str], out: str, asked: Sequence[str] = (), baseline: str = ''
) -> str:
    """Write the page, and return a summary.

    Args:
        folders: See :func:`~mmmask.reports.compared_runs.read_runs`.
        out: The page's file.
        asked: See :func:`~mmmask.reports.comparison.compared_metrics`.
        baseline: See :func:`~mmmask.reports.comparison.compare_runs`.

    Raises:
        UserError: If there is nothing to report on, or the file can't be written.
    """
    runs, undone = read_runs(folders)
    metrics = compared_metrics(runs, asked)
    groups, refused = compare_runs(runs, metrics, baseline)
    path = Path(out)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UserError(f"--out '{out}': name a file in a folder that is there.")
    write_text_atomically(path, _page(runs, undone, metrics, groups, refused))
    return '\n'.join([*_text(runs, undone, metrics, groups, refused), f'report: {path.absolute()}'])


def _page(
    runs: Sequence[Run],
    undone: Sequence[str],
    metrics: Sequence[str],
    groups: Sequence[Group],
    refused: Sequence[Refused],
) -> str:
    names, number = distinct_names(runs), {run: i for i, run in enumerate(runs)}
    sections: dict[tuple[Run, ...], list[Group]] = {}
    for group in groups:
        if len(group.runs) > 1:
            sections.setdefault(group.runs, []).append(group)
    return render_page(
        'comparison.html',
        title=f'{len(runs)} runs side by side' if len(runs) > 1 else 'A run',
        made=datetime.now().strftime('%Y-%m-%d %H:%M'),
        total=in_words(sum(run.seconds for run in runs)),
        runs=[_row(run, names[run.weights.key], i) for run, i in number.items()],
        metrics=[metric_of(m, [r.metrics[m] for r in runs if m in r.metrics]) for m in metrics],
        sections=[_section(*item, number) for item in sections.items()],
        refused=refused,
        numbers=number,
        undone=undone,
        waits=any(run.result.get('data_wait_share') is not None for run in runs),
        energy=any(run.result.get('energy_j') for run in runs),
    )


def _row(run: Run, arm: str, number: int) -> dict[str, Any]:
    """Return the values of a run for the page."""
    result = run.result
    return dict(
        run=run,
        number=number,
        arm=arm,
        wait=result.get('data_wait_share'),
        joules=sum(result.get('energy_j', {}).values()) or None,
        energy=' + '.join(f'{_wh(j)} {kind}' for kind, j in result.get('energy_j', {}).items()),
        hardware=hardware_text(result.get('hardware', {})),
        versions=result.get('versions', {}),
        checkpoint=result.get('checkpoint'),
        sha256=result.get('checkpoint_sha256'),
    )


def _section(runs: Sequence[Run], groups: Sequence[Group], number: dict[Run, int]) -> dict:
    """Return the values of comparable runs for the page."""
    configs = dict.fromkeys(config_name(run.result['config']) for run in runs)
    return dict(
        title=' and '.join(configs),
        data={use: _data_text(about) for use, about in runs[0].result.get('data', {}).items()},
        protocol={k: _value_text(v) for k, v in runs[0].result.get('protocol', {}).items()},
        tables=[_table(group, number) for group in groups],
        differing=groups[0].differing,
        doubled=groups[0].doubled,
    )


def _table(group: Group, number: dict[Run, int]) -> dict:
    """Return the values of one metric: each number knows its run."""
    return dict(
        metric=group.metric,
        arms=group.arms,
        seeds=sorted({seed for arm in group.arms for seed in arm.values}),
        runs={place: number[run] for run, place in group.places.items()},
        comparisons=group.comparisons,
    )


def hardware_text(hardware: dict) -> str:
    """Write a run's hardware in one line."""
    parts = []
    if 'gpu' in hardware:
        driver = f', driver {hardware["driver"]}' if 'driver' in hardware else ''
        parts.append(f'{hardware.get("gpus", 1)} × {hardware["gpu"]}{driver}')
    if 'cpu' in hardware:
        parts.append(f'{hardware["cpu"]}, {hardware["cores"]} cores')
    if hardware.get('processes', 1) > 1:
        parts.append(f'{hardware["processes"]} processes')
    if hardware.get('nodes', 1) > 1:
        parts.append(f'{hardware["nodes"]} nodes')
    return '; '.join(parts)


def _text(
    runs: Sequence[Run],
    undone: Sequence[str],
    metrics: Sequence[str],
    groups: Sequence[Group],
    refused: Sequence[Refused],
) -> list[str]:
    """Return the lines of the summary."""
    names, shown = distinct_names(runs), metrics[:_COLUMNS]
    rows = [('run', 'arm', 'seed', *shown, 'time')]
    for run in runs:
        values = (f'{run.metrics[name]:.4g}' if name in run.metrics else '' for name in shown)
        arm, seed = names[run.weights.key], str(run.seed)
        rows.append((run.name, arm, seed, *values, in_words(run.seconds)))
    lines = [aligned(rows)]
    if len(metrics) > len(shown):
        lines.append(f'({len(metrics) - len(shown)} more metrics are in the report)')
    verdicts = [
        f'{c.metric.name}: {c.other.arm} − {c.baseline.arm} {signed(c.seeds["mean"], c.metric)}; '
        + '; '.join(f'over {row["over"]}: {row["verdict"]}' for row in c.rows)
        for group in groups
        for c in group.comparisons
    ]
    refusals = [
        f'{_names(one.first)} and {_names(one.second)}, {", ".join(one.metrics)}: '
        f'{one.reason.why} ({one.reason.key}: {" and ".join(one.reason.values)})'
        for one in refused
    ]
    lines += _some('', verdicts) + _some('not comparable: ', refusals)
    return lines + ([f'not done: {", ".join(undone)}'] if undone else [])


def _some(before: str, lines: list[str]) -> list[str]:
    """Return the first lines, and how many more there are."""
    more = [f'({len(lines) - _SHOWN} more are in the report)'] if len(lines) > _SHOWN else []
    return ['', *(before + line for line in lines[:_SHOWN]), *more] if lines else []


def _names(runs: Iterable[Run]) -> str:
    first, *others = (run.name for run in runs)
    return f'{first} (and {len(others)} like it)' if others else first


def _data_text(about: dict) -> str:
    where = f' of {about["folder"]}' if about['folder'] else ''
    return f'{about["images"]:,} images{where}'


def _value_text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ', '.join(map(_value_text, value))
    return f'{value:g}' if isinstance(value, float) else str(value)


def _wh(joules: float) -> str:
    return f'{joules / 3600:.3g} Wh'
