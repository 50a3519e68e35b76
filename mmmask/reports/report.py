"""Writes the report, one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from mmmask.benchmark.folder import TaskFolder
from mmmask.benchmark.identity import data_hashes, first_change, protocol_values, resolve_config
from mmmask.benchmark.results import (
    Comparison,
    add_outcomes,
    arms_of,
    comparisons,
    titled,
    write_results,
)
from mmmask.benchmark.suite import Metric, Protocol, Suite, Task
from mmmask.utils.errors import UserError
from mmmask.utils.files import write_text_atomically
from mmmask.utils.text import in_words

from .comparison_page import hardware_text
from .figure_specs import Figure
from .figures import Context, make_figure
from .filled_table import fill_tables
from .page import render_page
from .suite_figures import SuiteContext, make_suite_figure
from .table import markdown_tables
from .table_formats import to_markdown, view_of, write_tables


def write_report(suite: Suite, work_dir: Path) -> tuple[Path, list[str]]:
    """Write ``report/index.html``, ``table.md`` and ``tables`` from what is in the work directory.

    Returns:
        The report's file, and what could not be shown, one line each.
    """
    records = write_results(suite, work_dir)
    add_outcomes(records, work_dir)
    tables = fill_tables(suite, records)
    write_tables(tables, work_dir)
    by_seed = markdown_tables(records, suite.protocols, suite.titles)
    texts = [*map(to_markdown, tables), by_seed]
    write_text_atomically(work_dir / 'table.md', '\n\n'.join(filter(None, texts)) + '\n')
    found = comparisons(records, suite.protocols, suite.titles)
    missing_figures: list[str] = []
    sections = [
        _section(Context(suite, work_dir, protocol), records, found, missing_figures)
        for protocol in suite.protocols.values()
        if any(task.protocol.name == protocol.name for task in suite.tasks)
    ]
    runs = [_run(task, TaskFolder(work_dir / task.name), records) for task in suite.tasks]
    anything = not runs or any(run['status'] == 'done' for run in runs)
    specs = suite.figures if anything else ()
    make = partial(make_suite_figure, SuiteContext(suite, work_dir, tables))
    figures = _figures(specs, make, suite.title, missing_figures)
    page = render_page(
        'report.html',
        title=suite.title,
        description=suite.description,
        to_give=suite.missing,
        paper_tables=[view_of(table) for table in tables],
        figures=figures,
        made=datetime.now().strftime('%Y-%m-%d %H:%M'),
        cards=[c for c in found if c.metric is c.protocol.metrics[0]],
        sections=sections,
        runs=runs,
        failed=[run for run in runs if run['status'] == 'failed'],
        missing=[run for run in runs if run['status'] not in ('failed', 'done')],
        total=in_words(sum(run['seconds'] for run in runs)),
        hardware=sorted({hardware_text(r['hardware']) for r in records} - {''}),
        versions=_distinct((item for r in records for item in r['versions'].items()), ' and '),
    )
    path = work_dir / 'report' / 'index.html'
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, page)
    return path, missing_figures


def _section(
    context: Context, records: list[dict], found: list[Comparison], missing_figures: list[str]
) -> dict[str, Any]:
    """Return the values of one protocol for the report."""
    protocol, suite = context.protocol, context.suite
    tasks = [task for task in suite.tasks if task.protocol.name == protocol.name]
    specs = protocol.figures if context.tasks else ()
    figures = _figures(specs, partial(make_figure, context), protocol.title, missing_figures)
    return dict(
        protocol=protocol,
        values=_shared_values(context, tasks),
        stale=_stale(context),
        tables=[_table(suite, protocol, metric, records, found) for metric in protocol.metrics],
        figures=figures,
        done=len(context.tasks),
        count=len(tasks),
        seconds=list(filter(None, (context.folder(task).seconds for task in context.tasks))),
    )


def _figures(
    specs: Iterable[dict], make: Callable[[dict], Figure], owner: str, missing: list[str]
) -> list[Figure]:
    """Make figures; add a line to ``missing`` for each that can't be made."""
    figures = []
    for spec in specs:
        try:
            figures.append(make(spec))
        except Exception as error:  # a picture must not cost the numbers
            kind = '' if isinstance(error, UserError) else f'{type(error).__name__}: '
            missing.append(f'{owner}: no figure {spec["type"]!r}: {kind}{error}')
            figures.append(Figure(title=spec['type'], caption=missing[-1]))
    return figures


def _shared_values(context: Context, tasks: list[Task]) -> dict[str, str]:
    """Return the protocol's values in the runs that are done; without one, those in the config.

    Where runs differ, all values are given.
    """
    configs = [(task, context.folder(task).state['identity']['config']) for task in context.tasks]
    configs = configs or [(task, resolve_config(task, context.suite.root)) for task in tasks]
    values = (item for pair in configs for item in protocol_values(*pair).items())
    return _distinct(((label, _value_text(value)) for label, value in values), ' or ')


def _distinct(pairs: Iterable[tuple[str, str]], between: str) -> dict[str, str]:
    """Join the different texts of each label."""
    texts: dict[str, dict[str, None]] = {}
    for label, text in pairs:
        texts.setdefault(label, {})[text] = None
    return {label: between.join(different) for label, different in texts.items()}


def _stale(context: Context) -> list[str]:
    """Return a line for each run whose config or data were others than now."""
    root, lines = context.suite.root, []
    for task in context.tasks:
        identity = context.folder(task).state['identity']
        then = dict(config=identity['config'], data=identity['data'])
        now = dict(config=resolve_config(task, root), data=data_hashes(context.suite.data, root))
        if change := first_change(then, now):
            lines.append(f'{task.name} does not belong to the present config and data: {change}')
    return lines


def _value_text(value: Any) -> str:
    if isinstance(value, float):
        return f'{value:.4g}'
    if isinstance(value, list):
        return ', '.join(map(_value_text, value))
    if isinstance(value, dict):
        return ', '.join(f'{k} {_value_text(v)}' for k, v in value.items())
    return str(value)


def _table(
    suite: Suite, protocol: Protocol, metric: Metric, records: list[dict], found: list[Comparison]
) -> dict:
    """Return every seed's value, means, and differences from the baseline."""
    arms = arms_of(records, protocol, metric)
    arms.sort(key=lambda arm: arm.arm != protocol.baseline)
    return dict(
        metric=metric,
        arms=titled(arms, suite.titles),
        seeds=sorted({seed for arm in arms for seed in arm.values}),
        comparisons=[c for c in found if c.protocol is protocol and c.metric is metric],
    )


def _run(task: Task, folder: TaskFolder, records: list[dict]) -> dict[str, Any]:
    """Return the values of one task for the report."""
    state, result = folder.state, folder.result or {}
    return dict(
        task=task,
        status=state.get('status', 'not run'),
        error=state.get('error'),
        log=f'{task.name}/log.txt',
        command=state.get('command', ''),
        environment=' '.join(f'{k}={v}' for k, v in state.get('environment', {}).items()),
        attempts=state.get('attempts', 0),
        seconds=folder.seconds,
        checkpoint=result.get('checkpoint'),
        sha256=result.get('checkpoint_sha256'),
        records=[r for r in records if r['task'] == task.name],
    )
