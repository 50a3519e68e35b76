"""Estimates how long a suite will take, by pure functions of durations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .suite import Task


def expected_seconds(tasks: Sequence[Task], measured: Mapping[str, float]) -> dict[str, float]:
    """Return the expected seconds of each task by name; nothing if nothing is known of any task.

    The first of these that is known is taken:

    - the mean of the measured tasks of the same protocol, from ``measured``: seconds by name;
    - the stated duration, times the mean ratio of measured to stated of other protocols;
    - the mean of all expected durations.
    """
    by_protocol: dict[str, list[float]] = {}
    ratios = []
    for task in tasks:
        if task.name in measured:
            by_protocol.setdefault(task.protocol.name, []).append(measured[task.name])
            if stated := task.protocol.expected_seconds:
                ratios.append(measured[task.name] / stated)
    scale = sum(ratios) / len(ratios) if ratios else 1.0
    expected = {}
    for task in tasks:
        known = by_protocol.get(task.protocol.name)
        if known:
            expected[task.name] = sum(known) / len(known)
        elif stated := task.protocol.expected_seconds:
            expected[task.name] = stated * scale
    if expected:
        mean = sum(expected.values()) / len(expected)
        expected = {task.name: expected.get(task.name, mean) for task in tasks}
    return expected


def chains(tasks: Sequence[Task], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return, for each task, the seconds of the longest chain that starts with it.

    Each task stands behind those it needs; one that isn't in ``seconds`` counts as 1 second.
    """
    longest: dict[str, float] = {}
    following: dict[str, float] = {}
    for task in reversed(tasks):
        longest[task.name] = seconds.get(task.name, 1.0) + following.get(task.name, 0.0)
        for name in task.needs:
            following[name] = max(following.get(name, 0.0), longest[task.name])
    return longest


def remaining_seconds(
    tasks: Sequence[Task], seconds: Mapping[str, float], elapsed: Mapping[str, float], jobs: float
) -> float | None:
    """Return the time until the last task ends: the larger of work per place and longest chain.

    Args:
        tasks: The unfinished tasks, each behind those it needs.
        seconds: Expected duration of each; None is returned if one is missing.
        elapsed: Seconds that the running ones have run.
        jobs: Processes that run at a time.
    """
    if any(task.name not in seconds for task in tasks):
        return None
    left = {t.name: max(seconds[t.name] - elapsed.get(t.name, 0.0), 0.0) for t in tasks}
    work = sum(left[task.name] * task.protocol.gpus for task in tasks)
    return max([work / jobs, *chains(tasks, left).values()])
