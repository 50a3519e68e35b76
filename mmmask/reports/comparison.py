"""Puts runs side by side: who measured the same thing, what the difference is, what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import combinations

from mmmask.benchmark.results import ArmResult, Comparison, compare
from mmmask.benchmark.suite import Metric, Protocol
from mmmask.utils.errors import UserError
from mmmask.utils.suggestions import suggestion

from .compared_runs import Run, distinct_names
from .conditions import Refusal, conditions, differences, refusal

_DETAIL = re.compile(r'(_lr[\d.e+-]+|/(best_lr|num_lrs|num_probes))$')
"""Metrics of single probes of a sweep, and what isn't a measure: not compared unless asked for."""


@dataclass(frozen=True)
class Group:
    """Runs whose numbers of one metric are comparable.

    Attributes:
        metric: The metric.
        runs: At least one, in order.
        places: The arm and the seed of each run that is compared.
        arms: Their values by seed, an arm for each way to weights.
        comparisons: Of pairs of arms; p values are corrected for the number of pairs.
        differing: For pairs whose trainings are known, the settings in which those differ.
    """

    metric: Metric
    runs: tuple[Run, ...]
    places: dict[Run, tuple[str, int]]
    arms: tuple[ArmResult, ...]
    comparisons: tuple[Comparison, ...]
    differing: dict[str, list[str]]

    @property
    def doubled(self) -> list[Run]:
        """Return the runs that aren't compared, as a later one has the same arm and seed."""
        return [run for run in self.runs if run not in self.places]


@dataclass(frozen=True)
class Refused:
    """Two sets of runs that have metrics in common, and the reason why they aren't compared."""

    first: tuple[Run, ...]
    second: tuple[Run, ...]
    metrics: tuple[str, ...]
    reason: Refusal


def compared_metrics(runs: Sequence[Run], asked: Sequence[str] = ()) -> list[str]:
    """Return the names of the metrics to compare, in the order of the runs.

    Args:
        runs: What there is.
        asked: Patterns as of a shell; without any, all metrics but details of sweeps.

    Raises:
        UserError: If a pattern matches nothing.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.metrics))
    for pattern in asked:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UserError(f'No run has a metric {pattern!r}{suggestion(pattern, known)}')
    if asked:
        return [name for name in known if any(fnmatchcase(name, p) for p in asked)]
    return [name for name in known if not _DETAIL.search(name)]


def compare_runs(
    runs: Sequence[Run], metrics: Sequence[str], baseline: str = ''
) -> tuple[list[Group], list[Refused]]:
    """Compare runs in each metric, as far as they measured the same thing.

    Args:
        runs: What there is.
        metrics: Their names.
        baseline: The arm that the others are compared with, where it is there; by default each is
            compared with each.

    Returns:
        The comparable ones, also groups of a single run, and the pairs of groups that have a metric
        in common.

    Raises:
        UserError: If no arm is called as the baseline.
    """
    groups, refused, names = [], {}, distinct_names(runs)
    if baseline and baseline not in names.values():
        raise UserError(f'No arm is called {baseline!r}{suggestion(baseline, names.values())}')
    for name in metrics:
        parts: dict[str, list[Run]] = {}
        for run in runs:
            if name in run.metrics:
                parts.setdefault(_conditions_key(run), []).append(run)
        metric = metric_of(name, [run.metrics[name] for run in runs if name in run.metrics])
        groups += [_group(metric, part, names, baseline) for part in parts.values()]
        for key in combinations(parts, 2):
            first, second = (tuple(parts[k]) for k in key)
            found = refused.get(key) or Refused(first, second, (), refusal(first[0], second[0]))
            refused[key] = replace(found, metrics=(*found.metrics, name))
    return groups, list(refused.values())


def metric_of(name: str, values: Sequence[float]) -> Metric:
    """Return a metric with as many digits as its values deserve: 2, or 4 for those below 1."""
    return Metric(name, name, digits=2 if max(map(abs, values)) >= 1 else 4)


def _conditions_key(run: Run) -> str:
    if run.config is None:
        return str(run.folder)
    return json.dumps(conditions(run), sort_keys=True, default=str)


def _group(metric: Metric, runs: list[Run], names: Mapping[str, str], baseline: str) -> Group:
    places = {run: (names[run.weights.key], seed) for run, seed in _one_for_each_seed(runs).items()}
    arms: dict[str, ArmResult] = {}
    for run, (name, seed) in places.items():
        outcomes, unit = run.outcomes.get(metric.name, (None, 'image'))
        arm = arms.setdefault(name, ArmResult(name, {}, unit=unit))
        arm.values[seed] = run.metrics[metric.name]
        if outcomes is not None:
            arm.outcomes[seed] = outcomes.astype(float)
    pairs = list(combinations(arms.values(), 2))
    if baseline in arms:
        pairs = [(arms[baseline], arm) for name, arm in arms.items() if name != baseline]
    settings = {names[run.weights.key]: run.weights.settings for run in runs}
    title = runs[0].result['config']
    protocol = Protocol(name=title, run=runs[0].words[0], config=title, title=title)
    return Group(
        metric=metric,
        runs=tuple(runs),
        places=places,
        arms=tuple(arms.values()),
        comparisons=tuple(compare([(protocol, metric, *pair) for pair in pairs])),
        differing={
            f'{b.arm} − {a.arm}': differences(settings[b.arm], settings[a.arm])
            for a, b in pairs
            if settings[a.arm] and settings[b.arm]
        },
    )


def _one_for_each_seed(runs: list[Run]) -> dict[Run, int]:
    """Return the seed of each run that is compared, in the order of the runs.

    That is the seed of the weights, or of the run itself where several runs took the same weights.
    Of runs with the same arm and seed, the one that started last is compared.
    """
    found: dict[Run, int] = {}
    in_order = sorted(runs, key=lambda run: run.result.get('started', ''))
    for seed_of in (lambda run: run.seed, lambda run: run.result['seed']):
        last = {(run.weights.key, seed_of(run)): run for run in in_order}
        if len(last) > len(found):
            found = {run: seed_of(run) for run in last.values()}
    return {run: found[run] for run in runs if run in found}
