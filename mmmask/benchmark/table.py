"""Writes the results of a suite as Markdown tables, to paste into a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .results import ArmResult, Comparison, arms_of
from .suite import Metric, Protocol


def markdown_tables(records: Sequence[dict], protocols: Mapping[str, Protocol]) -> str:
    """Write Markdown tables of all metrics that have results, with every seed's value.

    A protocol has a table for each metric, an arm a row. Protocols without arms that share their
    metrics share a table, a protocol a row. An empty line is between two tables.
    """
    tables: list[str] = []
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
                tables.append(_table(group[0], metric, arms))
    return '\n\n'.join(tables)


def _shared_table(records: Sequence[dict], protocols: list[Protocol]) -> list[str]:
    metrics = protocols[0].metrics
    rows = []
    for protocol in protocols:
        results = [arms_of(records, protocol, metric) for metric in metrics]
        if any(results):
            rows.append([protocol.title, *map(_seeds_and_mean, results, metrics)])
    heads = ['', *(metric.label for metric in metrics)]
    return [_markdown([heads, *rows])] if metrics and rows else []


def _seeds_and_mean(arms: list[ArmResult], metric: Metric) -> str:
    if not arms:
        return ''
    values = ', '.join(_number(value, metric) for _, value in sorted(arms[0].values.items()))
    if len(arms[0].values) == 1:
        return values
    return f'{values} ({_number(arms[0].mean, metric)}{_spread(arms[0], metric)})'


def _table(protocol: Protocol, metric: Metric, arms: list[ArmResult]) -> str:
    seeds = sorted({seed for arm in arms for seed in arm.values})
    baseline = next((arm for arm in arms if arm.arm == protocol.baseline), None)
    heads = [f'{protocol.title}: {metric.label}', *(f'seed {seed}' for seed in seeds), 'mean']
    if baseline and len(arms) > 1:
        heads.append(f'over {baseline.arm}, seed by seed')
    rows = [heads]
    for arm in arms:
        row = [arm.arm or protocol.name]
        row += [_number(arm.values.get(seed), metric) for seed in seeds]
        row.append(_number(arm.mean, metric) + _spread(arm, metric))
        if baseline and len(arms) > 1:
            differences = Comparison(protocol, metric, baseline, arm).paired.values()
            gains = [f'{difference:+.{metric.digits}f}' for difference in differences]
            row.append('' if arm is baseline else ', '.join(gains))
        rows.append(row)
    return _markdown(rows)


def _markdown(rows: list[list[str]]) -> str:
    """Write a table whose first row has the headings."""
    rows.insert(1, ['---'] * len(rows[0]))
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _number(value: float | None, metric: Metric) -> str:
    return '' if value is None else f'{value:.{metric.digits}f}'


def _spread(arm: ArmResult, metric: Metric) -> str:
    return '' if arm.std is None else f' ± {arm.std:.{metric.digits}f}'
