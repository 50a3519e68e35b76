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
    if result is None or state is None:
        return []
    metrics, protocol = result['metrics'], task.protocol
    config = state['identity']['config']
    for metric in protocol.metrics:
        if metric.name not in metrics:
            hint = suggestion(metric.name, metrics) if metrics else '; it gave none'
            raise UserError(f'{task.name}: the run gave no metric {metric.name!r}{hint}')
    shared = dict(
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
    return [
        dict(
            task=task.name,
            group=protocol.name,
            arm=task.arm,
            protocol=dict(name=protocol.title, values=protocol_values(task, config)),
            metric=metric.name,
            label=metric.label,
            value=metrics[metric.name],
            **shared,
        )
        for metric in protocol.metrics
    ]


def write_results(suite: Suite, work_dir: Path) -> list[dict]:
    """Write ``results.json``, the records of all tasks that are done; return them."""
    records = []
    for task in suite.tasks:
        state = TaskFolder(work_dir / task.name).state
        if state and state['status'] == 'done':
            records += build_records(work_dir, task)
    write_json(work_dir / 'results.json', records)
    return records


@dataclass(frozen=True)
class ArmResult:
    """One arm's values of one metric, scaled as the report shows them.

    Attributes:
        arm: Its name.
        values: Seed -> value.
        mean: Their mean.
        std: Their sample standard deviation (n - 1); None for one seed.
    """

    arm: str
    values: dict[int, float]
    mean: float
    std: float | None


@dataclass(frozen=True)
class Comparison:
    """One metric of one protocol: the baseline beside another arm.

    Attributes:
        protocol: How the numbers were made.
        metric: What they are.
        baseline: The arm that is compared with.
        other: The arm of interest.
        difference: Difference of the means, other - baseline.
        paired: Seed -> difference, for the seeds that both arms have.
        deviation: The larger of the two standard deviations; None if neither arm has two seeds.
    """

    protocol: Protocol
    metric: Metric
    baseline: ArmResult
    other: ArmResult
    difference: float
    paired: dict[int, float]
    deviation: float | None

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
        agreeing = sum((d > 0) == (self.difference > 0) for d in self.paired.values())
        few = ' Two seeds say little about the spread.' if seeds == 2 else ''
        return (
            f'{size} {higher}, {abs(self.difference) / self.deviation:.1f} times the spread; '
            f'{agreeing} of {len(self.paired)} seeds agree.{few}'
            if self.deviation > 0
            else f'{size} {higher}; every seed gives the same values.'
        )


def summarise(arm: str, values: Mapping[int, float]) -> ArmResult:
    """Return mean and sample standard deviation over seeds."""
    numbers = list(values.values())
    std = statistics.stdev(numbers) if len(numbers) > 1 else None
    return ArmResult(arm, dict(values), statistics.fmean(numbers), std)


def arms_of(records: Sequence[dict], protocol: Protocol, metric: Metric) -> list[ArmResult]:
    """Return the results of each arm that has any, in the order of the records."""
    values: dict[str, dict[int, float]] = {}
    for record in records:
        if record['group'] == protocol.name and record['metric'] == metric.name:
            values.setdefault(record['arm'], {})[record['seed']] = metric.scale * record['value']
    return [summarise(arm, by_seed) for arm, by_seed in values.items()]


def compare(
    protocol: Protocol, metric: Metric, baseline: ArmResult, other: ArmResult
) -> Comparison:
    """Put an arm beside the baseline."""
    seeds = sorted(set(baseline.values) & set(other.values))
    deviations = [arm.std for arm in (baseline, other) if arm.std is not None]
    return Comparison(
        protocol=protocol,
        metric=metric,
        baseline=baseline,
        other=other,
        difference=other.mean - baseline.mean,
        paired={seed: other.values[seed] - baseline.values[seed] for seed in seeds},
        deviation=max(deviations, default=None),
    )


def comparisons(records: Sequence[dict], protocols: Mapping[str, Protocol]) -> list[Comparison]:
    """Return every comparison for which both arms have results."""
    found = []
    for protocol in protocols.values():
        for metric in protocol.metrics if protocol.baseline else ():
            arms = {arm.arm: arm for arm in arms_of(records, protocol, metric)}
            baseline = arms.pop(protocol.baseline, None)
            if baseline:
                found += [compare(protocol, metric, baseline, other) for other in arms.values()]
    return found
