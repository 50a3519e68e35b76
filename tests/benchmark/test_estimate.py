from mmmask.benchmark.estimate import chains, expected_seconds, remaining_seconds
from mmmask.benchmark.suite import Protocol, Task


def tasks_of(*specs):
    """(name, protocol, minutes, needs) each."""
    return [
        Task(name, Protocol(protocol, 'train', '', protocol, minutes=minutes), needs=needs)
        for name, protocol, minutes, needs in specs
    ]


TASKS = tasks_of(
    ('p0', 'p', 2, ()), ('p1', 'p', 2, ()), ('k0', 'k', 1, ('p0',)), ('x', 'x', None, ())
)


def test_expected_seconds():
    # Nothing measured: the stated minutes; what has none gets the mean of (120, 120, 60).
    assert expected_seconds(TASKS, {}) == dict(p0=120, p1=120, k0=60, x=100)
    # p0 took half of what was stated: p1 as p0, k0 half of its minutes, x the mean of (60, 60, 30).
    assert expected_seconds(TASKS, dict(p0=60)) == dict(p0=60, p1=60, k0=30, x=50)
    assert expected_seconds(tasks_of(('a', 'a', None, ())), {}) == {}


def test_chains_and_remaining_seconds():
    seconds = dict(p0=120, p1=120, k0=60, x=100)
    assert chains(TASKS, seconds) == dict(p0=180, p1=120, k0=60, x=100)
    assert chains(TASKS, {})['p0'] == 2
    assert remaining_seconds(TASKS, seconds, {}, jobs=1) == 400
    assert remaining_seconds(TASKS, seconds, {}, jobs=8) == 180  # the chain p0, k0
    assert remaining_seconds(TASKS, seconds, dict(p0=50, p1=500), jobs=8) == 130
    assert remaining_seconds(TASKS[2:], seconds, {}, jobs=1) == 160
    assert remaining_seconds([], seconds, {}, jobs=2) == 0
    assert remaining_seconds(TASKS, {}, {}, jobs=2) is None
