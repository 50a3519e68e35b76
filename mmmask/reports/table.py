"""Writes the results of a suite as Markdown tables, to paste into a page."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from mmmask.benchmark.results import ArmResult, Comparison, arms_of, comparisons, titled
from mmmask.benchmark.suite import Metric, Protocol
from mmmask.utils.text import plural


def markdown_tables(
    records: Sequence[dict], protocols: Mapping[str, Protocol], titles: Mapping[str, str]
) -> str:
    """Write Markdown tables of all metrics that have results, with every seed's value.

    A protocol has a table for each metric, an arm a row, and a second one with the differences from
    the baseline. Protocols without arms that share their metrics share a table, a protocol a row.
    An empty line is between two tables. ``titles`` has what arms are called, if not by their names.
    """
    tables: list[str] = []
    found = comparisons(records, protocols, titles)
    groups: dict[tuple, list[Protocol]] = {}
    for protocol in protocols.values():
        key = (protocol.name,) if protocol.baseline else protocol.metrics
        groups.setdefault(key, []).append(protocol)
    for group in groups.values():
        if len(group) > 1:
            tables += _shared_table(records, group)
            continue
        for metric in group[0].metrics:
            if arms := arms_of(records, group[0], metric):
                tables.append(_table(group[0], metric, titled(arms, titles)))
                of_table = [c for c in found if c.protocol is group[0] and c.metric is metric]
                tables += [markdown_verdicts(of_table)] if of_table else []
    return '\n\n'.join(tables)


def _shared_table(records: Sequence[dict], protocols: list[Protocol]) -> list[str]:
    metrics = protocols[0].metrics
    rows = []
    for protocol in protocols:
        results = [arms_of(records, protocol, metric) for metric in metrics]
        if any(results):
            rows.append([protocol.title, *map(_seeds_and_mean, results, metrics)])
    heads = ['', *(metric.label for metric in metrics)]
    return [markdown([heads, *rows])] if metrics and rows else []


def _seeds_and_mean(arms: list[ArmResult], metric: Metric) -> str:
    if not arms:
        return ''
    values = ', '.join(number(value, metric) for _, value in sorted(arms[0].values.items()))
    if len(arms[0].values) == 1:
        return values
    return f'{values} ({number(arms[0].mean, metric)}{spread(arms[0], metric)})'


def _table(protocol: Protocol, metric: Metric, arms: list[ArmResult]) -> str:
    seeds = sorted({seed for arm in arms for seed in arm.values})
    heads = [f'{protocol.title}: {metric.label}', *(f'seed {seed}' for seed in seeds), 'mean']
    rows = [heads]
    for arm in arms:
        row = [escaped(arm.arm or protocol.name)]
        row += [number(arm.values.get(seed), metric) for seed in seeds]
        row.append(number(arm.mean, metric) + spread(arm, metric))
        rows.append(row)
    return markdown(rows)


def markdown_verdicts(found: Sequence[Comparison]) -> str:
    """Write a row for each comparison and what it is over; where they differ, by which metric."""
    several = len({(c.protocol.name, c.metric.name) for c in found}) > 1
    heads = ['seed by seed', 'over other', 'difference', '95 % interval', 'p (Holm)', 'verdict']
    rows = [[''] * (1 + several) + heads]
    for comparison in found:
        metric = comparison.metric
        names = [f'{comparison.other.arm} − {comparison.baseline.arm}']
        names = [f'{comparison.protocol.title}, {metric.label}'] * several + names
        names = list(map(escaped, names))
        gains = ', '.join(signed(gain, metric) for gain in comparison.paired.values())
        for row in comparison.rows:
            mean, low, high = (signed(row[key], metric) for key in ('mean', 'low', 'high'))
            between = low if low == '–' else f'{low} to {high}'
            cells = [*names, gains, row['over'], mean, between, p_text(row['p_holm'])]
            rows.append([*cells, row['verdict']])
            names, gains = [''] * len(names), ''
    return markdown(rows)


def p_text(p: float) -> str:
    """Write a p value."""
    return '–' if math.isnan(p) else '< 0.001' if p < 0.001 else f'{p:.3f}'


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose first row has the headings."""
    rows = [rows[0], ['---'] * len(rows[0]), *rows[1:]]
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, also within a table."""
    return re.sub(r'([\\|*_`<$])', r'\\\1', text)


def number(value: float | None, metric: Metric) -> str:
    """Write a value; nothing for None."""
    return '' if value is None else f'{value:.{metric.digits}f}'


def signed(value: float, metric: Metric) -> str:
    """Write a difference with its sign; a dash for NaN."""
    return '–' if math.isnan(value) else f'{value:+.{metric.digits}f}'


def spread(arm: ArmResult, metric: Metric) -> str:
    """Write the spread over seeds, then that over test images, where they are known."""
    seeds = '' if arm.std is None else f' ± {arm.std:.{metric.digits}f}'
    images = arm.image_std
    if images is None:
        return seeds
    return f'{seeds} ({plural(arm.unit)} ± {images:.{metric.digits}f})'
