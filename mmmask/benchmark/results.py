"""Makes the records of a suite, their means and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy import stats

from mmmask.utils.errors import UserError
from mmmask.utils.files import write_json
from mmmask.utils.suggestions import suggestion
from mmmask.utils.text import plural

from .folder import TaskFolder
from .identity import protocol_values
from .statistics import correct_table, paired_difference
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
                data_wait_share=result.get('data_wait_share'),
                energy_j=result.get('energy_j', {}),
                hardware=result.get('hardware', {}),
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


def add_outcomes(records: Sequence[dict], work_dir: Path) -> None:
    """Add to records what each test image contributed, if the run kept it.

    ``outcomes`` is (N,) or None. ``unit`` says what contributed: ``'image'``, ``'query'``, ...
    """
    outcomes = {task: TaskFolder(work_dir / task).outcomes for task in {r['task'] for r in records}}
    for record in records:
        kept = outcomes[record['task']].get(record['metric'], (None, 'image'))
        record['outcomes'], record['unit'] = kept


@dataclass(frozen=True)
class ArmResult:
    """One arm's values of one metric, scaled as the report shows them.

    Attributes:
        arm: Its name.
        values: Seed -> value.
        outcomes: Seed -> what each test image contributed, (N,). The value is their mean. Seeds
            whose runs kept none are left out.
        unit: What contributed an outcome: ``'image'``, ``'query'``, ...
    """

    arm: str
    values: dict[int, float]
    outcomes: dict[int, np.ndarray] = field(default_factory=dict)
    unit: str = 'image'

    @property
    def mean(self) -> float:
        """Return the mean of the values."""
        return float(np.mean(list(self.values.values())))

    @property
    def std(self) -> float | None:
        """Return their sample standard deviation (n - 1); None for one seed."""
        return float(np.std(list(self.values.values()), ddof=1)) if len(self.values) > 1 else None

    @property
    def image_std(self) -> float | None:
        """Return how far the mean would vary over other test sets of the same size.

        It is the standard error over images. None if a run kept no outcomes of images.
        """
        images = self.over_seeds(self.values)
        return None if images is None or len(images) < 2 else float(stats.sem(images))

    def over_seeds(self, seeds: Iterable[int]) -> np.ndarray | None:
        """Return each image's mean over seeds, (N,), or None if a run kept no or other images."""
        found = [self.outcomes.get(seed) for seed in seeds]
        sizes = {None if one is None else len(one) for one in found}
        return np.mean(found, axis=0) if len(sizes) == 1 and None not in sizes else None


@dataclass(frozen=True)
class Comparison:
    """One metric of one protocol: the baseline beside another arm.

    Attributes:
        protocol: The protocol.
        metric: The metric.
        baseline: The arm that is compared with.
        other: The arm that is compared.
        seeds: Their difference, other - baseline, paired by seed: see
            :func:`~mmmask.benchmark.statistics.paired_difference`. It says what other seeds would
            give on these test images.
        images: The same, paired by test image, of means over the seeds that both arms have. It says
            what these networks would give on other images. None without outcomes of images.
    """

    protocol: Protocol
    metric: Metric
    baseline: ArmResult
    other: ArmResult
    seeds: dict
    images: dict | None

    @property
    def paired(self) -> dict[int, float]:
        """Return seed -> difference, for the seeds that both arms have."""
        first, second = self.baseline.values, self.other.values
        return {
            seed: second[seed] - first[seed] for seed in common_seeds(self.baseline, self.other)
        }

    @property
    def alone(self) -> list[int]:
        """Return the seeds that only one of the two arms has."""
        return sorted(set(self.baseline.values) ^ set(self.other.values))

    @property
    def rows(self) -> list[dict]:
        """Return what the difference is worth, for a table: over seeds, then over images.

        Each row has ``over``, ``low``, ``high``, ``p``, ``verdict``.
        """
        seeds = ', '.join(map(str, self.alone))
        left_out = f' (without seed {seeds}, which one arm lacks)' if self.alone else ''
        found = [dict(self.seeds, over=f'seeds{left_out}')]
        if self.images:
            found.append(dict(self.images, over=f'test {plural(self.images["unit"])}'))
        return found


def arms_of(records: Sequence[dict], protocol: Protocol, metric: Metric) -> list[ArmResult]:
    """Return the results of each arm that has any, in the order of the records."""
    arms: dict[str, ArmResult] = {}
    for record in records:
        if record['group'] == protocol.name and record['metric'] == metric.name:
            arm = ArmResult(record['arm'], {}, unit=record.get('unit', 'image'))
            arm = arms.setdefault(record['arm'], arm)
            arm.values[record['seed']] = metric.scale * record['value']
            if record.get('outcomes') is not None:
                arm.outcomes[record['seed']] = metric.scale * record['outcomes'].astype(float)
    return list(arms.values())


def titled(arms: Iterable[ArmResult], titles: Mapping[str, str]) -> list[ArmResult]:
    """Call arms by their titles; those without one keep their names."""
    return [replace(one, arm=titles.get(one.arm, one.arm)) for one in arms]


def comparisons(
    records: Sequence[dict], protocols: Mapping[str, Protocol], titles: Mapping[str, str]
) -> list[Comparison]:
    """Return every comparison with a protocol's baseline for which both arms have results.

    The p values of one metric of one protocol are corrected for the number of its arms, which are
    called by their ``titles``.
    """
    found = []
    for protocol in protocols.values():
        for metric in protocol.metrics if protocol.baseline else ():
            arms = {arm.arm: arm for arm in arms_of(records, protocol, metric)}
            baseline = arms.pop(protocol.baseline, None)
            if baseline:
                baseline, *others = titled([baseline, *arms.values()], titles)
                found += compare([(protocol, metric, baseline, arm) for arm in others])
    return found


def compare(pairs: Sequence[tuple[Protocol, Metric, ArmResult, ArmResult]]) -> list[Comparison]:
    """Compare pairs of arms; the p values are corrected for the number of pairs.

    Args:
        pairs: Protocol, metric, baseline, and the arm that is compared with the baseline.
    """
    over_seeds, over_images = [], {}
    for place, (_, _, baseline, arm) in enumerate(pairs):
        seeds = common_seeds(arm, baseline)
        values = [[one.values[seed] for seed in seeds] for one in (arm, baseline)]
        over_seeds.append(paired_difference(*values))
        images = [one.over_seeds(seeds) for one in (arm, baseline)]
        if not any(one is None for one in images) and len(images[0]) == len(images[1]):
            over_images[place] = paired_difference(*images, unit=arm.unit)
    over_images = dict(zip(over_images, correct_table(list(over_images.values()))))
    return [
        Comparison(*pair, difference, over_images.get(place))
        for place, (pair, difference) in enumerate(zip(pairs, correct_table(over_seeds)))
    ]


def common_seeds(*arms: ArmResult) -> list[int]:
    """Return the seeds that all arms have."""
    return sorted(set.intersection(*(set(arm.values) for arm in arms)))
