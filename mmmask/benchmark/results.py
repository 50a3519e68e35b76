"""Makes the records of a suite, their means and comparisons."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmmask.utils.errors import UserError
from mmmask.utils.suggestions import suggestion

from .folder import TaskFolder, write_json
from .identity import protocol_values
from .suite import Metric, Protocol, Suite, Task


def build_records(work_dir: Path, task: Task) -> list[dict]:
    """Make one record for each of the task's metrics; none if the task isn't done.

    Raises:
        UserError: If the run didn't give a metric that the suite asks for.
    """
    folder = TaskFolder(work_dir / task.name)
    result, state = folder.result, folder.state
    if not result or not state:
        return []
    metrics, protocol = result['metrics'], task.protocol
    records = []
    for metric in protocol.metrics:
        if metric.name not in metrics:
            hint = suggestion(metric.name, metrics) if metrics else '; it gave none'
            raise UserError(f'{task.name}: the run gave no metric {metric.name!r}{hint}')
        values = protocol_values(task, state['identity']['config'])
        records.append(
            dict(
                task=task.name,
                group=protocol.name,
                arm=task.arm,
                protocol=dict(name=protocol.title, values=values),
                metric=metric.name,
                label=metric.label,
                value=metrics[metric.name],
                seed=task.seed,
                config=protocol.config,
                options=task.options,
                checkpoint=result.get('checkpoint'),
                checkpoint_sha256=result.get('checkpoint_sha256'),
                versions=result.get('versions', {}),
                duration_s=state.get('seconds', result.get('duration_s')),
                command=state['command'],
                environment=state.get('environment', {}),
            )
        )
    return records


def write_results(suite: Suite, work_dir: Path) -> list[dict]:
    """Write ``results.json``, the records of all tasks that are done; return them."""
    records = []
    for task in suite.tasks:
        if TaskFolder(work_dir / task.name).state.get('status') == 'done':
            records += build_records(work_dir, task)
    write_json(work_dir / 'results.json', records)
    return records


@dataclass(frozen=True)
class ArmResult:
    """One arm's values of one metric, seed -> value, scaled as the report shows them."""

    arm: str
    values: dict[int, float]

    @property
    def mean(self) -> float:
        """Return the mean of the values."""
        return statistics.fmean(self.values.values())

    @property
    def std(self) -> float | None:
        """Return their sample standard deviation (n - 1); None for one seed."""
        return statistics.stdev(self.values.values()) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Comparison:
    """One metric of one protocol: the baseline beside another arm."""

    protocol: Protocol
    metric: Metric
    baseline: ArmResult
    other: ArmResult

    @property
    def difference(self) -> float:
        """Return the difference of the means, other - baseline."""
        return self.other.mean - self.baseline.mean

    @property
    def paired(self) -> dict[int, float]:
        """Return seed -> difference, for the seeds that both arms have."""
        first, second = self.baseline.values, self.other.values
        return {seed: second[seed] - first[seed] for seed in sorted(set(first) & set(second))}

    @property
    def deviation(self) -> float | None:
        """Return the larger of the two standard deviations; None if neither arm has two seeds."""
        deviations = (self.baseline.std, self.other.std)
        return max((std for std in deviations if std is not None), default=None)

    @property
    def verdict(self) -> str:
        """Return a sentence on what the numbers allow to say."""
        higher = 'higher' if self.difference > 0 else 'lower'
        size = f'{abs(self.difference):.{self.metric.digits}f}'
        seeds = min(len(self.baseline.values), len(self.other.values))
        if self.deviation is None:
            return f'{size} {higher}; with one seed each, nothing is known about the spread.'
        if abs(self.difference) <= self.deviation:
            return (
                f'No clear difference: {size} {higher}, but the spread over seeds is '
                f'{self.deviation:.{self.metric.digits}f}.'
            )
        if self.deviation == 0:
            return f'{size} {higher}; every seed gives the same values.'
        agreeing = sum((d > 0) == (self.difference > 0) for d in self.paired.values())
        few = ' Two seeds say little about the spread.' if seeds == 2 else ''
        times = abs(self.difference) / self.deviation
        return (
            f'{size} {higher}, {times:.1f} times the spread; '
            f'{agreeing} of {len(self.paired)} seeds agree.{few}'
        )


def arms_of(records: Sequence[dict], protocol: Protocol, metric: Metric) -> list[ArmResult]:
    """Return the results of each arm that has any, in the order of the records."""
    values: dict[str, dict[int, float]] = {}
    for record in records:
        if record['group'] == protocol.name and record['metric'] == metric.name:
            values.setdefault(record['arm'], {})[record['seed']] = metric.scale * record['value']
    return [ArmResult(arm, by_seed) for arm, by_seed in values.items()]


def comparisons(records: Sequence[dict], protocols: Mapping[str, Protocol]) -> list[Comparison]:
    """Return every comparison for which both arms have results."""
    found = []
    for protocol in protocols.values():
        for metric in protocol.metrics if protocol.baseline else ():
            arms = {arm.arm: arm for arm in arms_of(records, protocol, metric)}
            baseline = arms.pop(protocol.baseline, None)
            if baseline:
                found += [Comparison(protocol, metric, baseline, arm) for arm in arms.values()]
    return found
