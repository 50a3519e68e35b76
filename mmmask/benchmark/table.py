"""The results of a suite as text: a Markdown table for each metric, to paste into a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .results import ArmResult, arms_of, compare
from .suite import Metric, Protocol


def markdown_tables(records: Sequence[dict], protocols: Mapping[str, Protocol]) -> str:
    """Tables of all metrics that have results: an arm a row, with every seed's value.

    Args:
        records: As :func:`~mmmask.benchmark.results.write_results` gives them.
        protocols: The suite's.

    Returns:
        Markdown, with an empty line between two tables; empty without results.
    """
    tables = []
    for protocol in protocols.values():
        for metric in protocol.metrics:
            if arms := arms_of(records, protocol, metric):
                tables.append(_table(protocol, metric, arms))
    return '\n\n'.join(tables)


def _table(protocol: Protocol, metric: Metric, arms: list[ArmResult]) -> str:
    seeds = sorted({seed for arm in arms for seed in arm.values})
    baseline = next((arm for arm in arms if arm.arm == protocol.baseline), None)
    heads = [f'{protocol.title}: {metric.label}', *(f'seed {seed}' for seed in seeds), 'mean']
    if baseline and len(arms) > 1:
        heads.append(f'over {baseline.arm}, seed by seed')
    rows = [heads, ['---'] * len(heads)]
    for arm in arms:
        row = [arm.arm or protocol.name]
        row += [_number(arm.values.get(seed), metric) for seed in seeds]
        row.append(_number(arm.mean, metric) + _spread(arm, metric))
        if baseline and len(arms) > 1:
            differences = compare(protocol, metric, baseline, arm).paired.values()
            gains = [f'{difference:+.{metric.digits}f}' for difference in differences]
            row.append('' if arm is baseline else ', '.join(gains))
        rows.append(row)
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _number(value: float | None, metric: Metric) -> str:
    return '' if value is None else f'{value:.{metric.digits}f}'


def _spread(arm: ArmResult, metric: Metric) -> str:
    return '' if arm.std is None else f' ± {arm.std:.{metric.digits}f}'
