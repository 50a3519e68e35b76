"""Reads and checks a suite: protocols, and tasks that apply them to weights and seeds.

A suite is a Python config file of mmengine with these names (others must start with an underscore):

- ``title``, ``description``: text of the report.
- ``prepare``: ``dict(command=[word, ...], data=[pattern, ...])``. Python runs first with the words
  of the command: a script and its arguments, or ``-m``, a module and its arguments. The files that
  the patterns match are the data that results belong to.
- ``protocols``: name -> :class:`Protocol`, how a number is made.
- ``tasks``: list of :class:`Task`, which numbers are made.
- ``tables``: see :mod:`~mmmask.benchmark.paper_table`; their tasks are made from ``arms`` (see
  :mod:`~mmmask.benchmark.arms`) for each of ``seeds``. Protocols that no task has are left out.
- ``figures``: pictures of several arms, each ``dict(type=..., ...)``; its ``demo`` replaces
  arguments in a demo.
- ``demo``: ``dict(prepare=...)``, what replaces ``prepare`` in a demo.

Data, weights and configs without a ``package::`` are found from the current folder. Everything is
checked here, before anything runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmmask.config.read import config_name, read_config
from mmmask.utils.errors import UserError
from mmmask.utils.files import is_remote
from mmmask.utils.suggestions import suggestion

from .arms import INIT_CFG, TESTED, Arm, TaskMaker, demo_protocol, read_arms
from .paper_table import Table, read_tables
from .schema import check_keys, check_known, check_schema

_RESERVED = ('features', 'prepare', 'report', 'tables')
NO_WEIGHTS = 'none'
"""``weights`` of a network that starts from random values."""


@dataclass(frozen=True)
class Metric:
    """A number that is kept of each run.

    Attributes:
        name: Its name in the run's ``result.json``.
        label: What the report calls it.
        scale: Factor for the report (100 for a share shown in per cent).
        digits: Decimals in the report.
        lower_is_better: Whether the lowest number is the best, as of an error.
    """

    name: str
    label: str
    scale: float = 1.0
    digits: int = 1
    lower_is_better: bool = False


@dataclass(frozen=True)
class Protocol:
    """The way a number is made; the tasks that are compared share it.

    Attributes:
        name: Key in the suite.
        run: ``'train'`` or ``'test'``, the command that runs it.
        config: Config file, relative to the suite's root, or ``package::path``.
        title: What the report calls it.
        note: A sentence for the report.
        metrics: What is kept; the first one is the protocol's headline number.
        values: Label -> dotted path in the config, whose value is printed beside each number.
        options: Dotted path -> value, set over the config.
        baseline: The arm that the others are compared with; empty: nothing is compared.
        minutes: Expected duration, for the first ETA and the order of tasks.
        gpus: Processes, one for each GPU where there are any; the config's batch size is for so
            many.
        nodes: Machines that share the processes evenly.
        cpus: CPU cores of each process, asked of a cluster's scheduler.
        hours: Time to ask of a scheduler; the expected duration, too, without ``minutes``.
        figures: Pictures for the report, each ``dict(type=..., ...)``.
        after: Another protocol, whose checkpoint of the same arm and seed is taken, not the arm's.
        weights: Dotted path -> arm, further checkpoints that tasks made from tables take.
        demo: The config, options, metrics, minutes, values and figures of a demo.
    """

    name: str
    run: str
    config: str
    title: str
    note: str = ''
    metrics: tuple[Metric, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    baseline: str = ''
    minutes: float | None = None
    gpus: int = 1
    nodes: int = 1
    cpus: int | None = None
    hours: float | None = None
    figures: tuple[dict, ...] = ()
    after: str = ''
    weights: dict[str, str] = field(default_factory=dict)
    demo: dict[str, Any] = field(default_factory=dict)

    @property
    def expected_seconds(self) -> float | None:
        """Return the stated duration; None if none is stated."""
        if self.minutes or self.hours:
            return 60 * self.minutes if self.minutes else 3600 * self.hours
        return None


@dataclass(frozen=True)
class Task:
    """One run.

    Attributes:
        name: Name of its folder in the suite's work directory.
        protocol: How it is run.
        seed: Its random seed.
        arm: What is compared, e.g. ``'untrained'`` beside ``'pre-trained'``.
        weights: What the backbone starts from (``train``) or what is tested (``test``). This is the
            name of a ``train`` task (its last checkpoint), a file, a name with a scheme
            (``hf://``, ``https://``), or ``'none'`` for random values. Several places have a dict
            of these, by dotted path; what a test tests is at ``'checkpoint'``. None: as the config
            of a ``train`` task says.
        options: Dotted path -> value, set over the config and the protocol's options.
        needs: The tasks whose checkpoints are among ``weights``.
    """

    name: str
    protocol: Protocol
    seed: int = 0
    arm: str = ''
    weights: str | dict[str, str] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[str, str]:
        """Return what each place takes: a dotted path, ``TESTED`` in a test -> its weights."""
        if self.weights is None or isinstance(self.weights, dict):
            return self.weights or {}
        return {INIT_CFG if self.protocol.run == 'train' else TESTED: self.weights}


@dataclass(frozen=True)
class Suite:
    """A checked suite. Each of ``tasks`` stands behind those that it needs.

    Attributes:
        missing: Arm of a table -> where its checkpoint is from, which the user hasn't given.
        is_demo: Whether protocols are their demos.
    """

    root: Path
    title: str
    description: str
    prepare: tuple[str, ...]
    data: tuple[str, ...]
    protocols: dict[str, Protocol]
    tasks: tuple[Task, ...]
    arms: dict[str, Arm] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    figures: tuple[dict, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    is_demo: bool = False

    @property
    def titles(self) -> dict[str, str]:
        """Return what figures and verdicts call each arm."""
        return {name: arm.title for name, arm in self.arms.items()}

    def task(self, name: str) -> Task:
        """Return the task of that name."""
        return next(task for task in self.tasks if task.name == name)


_KEYS = ('title', 'description', 'prepare', 'protocols', 'tasks')
_TABLE_KEYS = ('arms', 'tables', 'figures', 'seeds', 'demo')


def load_suite(
    name: str | Path,
    root: str | Path,
    given: Mapping[str, str] | None = None,
    seeds: Sequence[int] | None = None,
    demo: bool = False,
) -> Suite:
    """Read and check a suite.

    Args:
        name: The suite's file, or ``package::path``.
        root: The folder to which paths in the suite are relative.
        given: Arm -> checkpoint that the user gives.
        seeds: Those of tasks made from tables; None: the suite's ``seeds``, [0] without.
        demo: Run every protocol's ``demo``.

    Raises:
        UserError: If the file can't be read, or anything in it is misspelt, missing, doubled or
            refers to something that doesn't exist.
    """
    name, root = str(name), Path(root)
    content = read_config(name).to_dict()
    content = {k: v for k, v in content.items() if not k.startswith('_')}
    required = ('protocols',) if content.get('arms') else ('protocols', 'tasks')
    check_keys(content, _KEYS + _TABLE_KEYS, required, name, "; start a local's name with _")
    of_demo = content.get('demo', {})
    check_keys(of_demo, ('prepare',), (), 'demo')
    prepare = (of_demo if demo else content).get('prepare', {})
    check_keys(prepare, ('command', 'data'), (), 'prepare')
    command = tuple(prepare.get('command', ()))
    if command and command[0] != '-m' and not (root / command[0]).is_file():
        raise UserError(f'prepare: no such script: {command[0]}')
    _check_figures(figures := content.get('figures', ()), "'figures'")
    figures = tuple(_figure_of(spec, demo) for spec in figures)
    protocols, items = content['protocols'], list(content.get('tasks', ()))
    arms = read_arms(content.get('arms', {}), protocols, given or {}, demo)
    tables = read_tables(content.get('tables', ()), protocols, arms)
    if seeds is not None and not arms:
        raise UserError(f'{name}: it has no tables, so --seeds has nothing to make tasks of')
    if demo:
        small = {k: demo_protocol(k, v) for k, v in protocols.items() if 'demo' in v}
        protocols = {**protocols, **small}
    maker = TaskMaker(arms, protocols, content.get('seeds', [0]) if seeds is None else seeds)
    for cell in (cell for table in tables for cell in table.cells):
        for arm in filter(None, (cell.arm, cell.minus)):
            maker.add(arm, cell.protocol)
    for figure in figures:
        if protocol := figure.get('protocol'):
            check_known(protocol, protocols, "'figures': no such protocol: {}")
        for arm in figure.get('arms', ()):
            check_known(arm, arms, "'figures': no such arm: {}")
            maker.add(arm, protocol)
    items += maker.tasks
    if demo or arms:
        used = {item.get('protocol') for item in items}
        protocols = {k: v for k, v in protocols.items() if k in used}
    if large := [k for k in protocols if demo and 'demo' not in content['protocols'][k]]:
        raise UserError(f"protocol {large[0]!r}: it has no 'demo', so --demo can't run it")
    protocols = {k: _protocol(k, v, root) for k, v in protocols.items()}
    title = content.get('title', config_name(name))
    return Suite(
        root=root,
        title=f'{title} (demo)' if demo else title,
        description=content.get('description', ''),
        prepare=command,
        data=tuple(prepare.get('data', ())),
        protocols=protocols,
        tasks=_tasks(items, protocols, root),
        arms=arms,
        tables=tables,
        figures=figures,
        missing=maker.missing,
        is_demo=demo,
    )


def select(suite: Suite, names: Iterable[str]) -> tuple[Task, ...]:
    """Return the named tasks and those they need, in the suite's order; all if none is named."""
    by_name = {task.name: task for task in suite.tasks}
    chosen = set()
    for name in names:
        check_known(name, by_name, 'no such task: {}')
        waiting = [name]
        while waiting:
            name = waiting.pop()
            if name not in chosen:
                chosen.add(name)
                waiting += by_name[name].needs
    return tuple(task for task in suite.tasks if not chosen or task.name in chosen)


def _check_figures(figures: Iterable, where: str) -> None:
    for figure in figures:
        if not isinstance(figure, dict) or 'type' not in figure:
            raise UserError(f'{where}: a figure is dict(type=...), got {figure!r}')


def _figure_of(spec: dict, demo: bool) -> dict:
    """Return a figure's arguments, in a demo those of its ``demo``."""
    of_demo = spec.get('demo', {})
    return {k: v for k, v in spec.items() if k != 'demo'} | (of_demo if demo else {})


def _protocol(name: str, item: Any, root: Path) -> Protocol:
    where = f'protocol {name!r}'
    item = {'title': name, **item} if isinstance(item, dict) else item
    check_schema(item, Protocol, where, implied=('name',))
    check_known(item['run'], ('train', 'test'), where + ": 'run' can't be {}")
    config = item['config']
    if '::' not in config and not (root / config).is_file():
        siblings = [str(p.relative_to(root)) for p in (root / config).parent.glob('*.py')]
        raise UserError(f'{where}: no such config: {config}{suggestion(config, siblings)}')
    metrics = []
    for metric, spec in item.get('metrics', {}).items():
        spec = dict(label=spec) if isinstance(spec, str) else spec
        check_schema(spec, Metric, f'{where}, metric {metric!r}', implied=('name',))
        metrics.append(Metric(name=metric, **spec))
    for key in ('gpus', 'nodes', 'cpus'):
        if not isinstance(value := item.get(key, 1), int) or value < 1:
            raise UserError(f'{where}: {key!r} must be a positive number, got {value!r}')
    if item.get('gpus', 1) % item.get('nodes', 1):
        raise UserError(f"{where}: {item['gpus']} 'gpus' don't divide into {item['nodes']} 'nodes'")
    _check_figures(item.get('figures', ()), where)
    item.update(metrics=tuple(metrics), figures=tuple(item.get('figures', ())))
    return Protocol(name=name, **item)


def _tasks(items: list, protocols: dict[str, Protocol], root: Path) -> tuple[Task, ...]:
    for number, item in enumerate(items, start=1):
        name = item.get('name') if isinstance(item, dict) else None
        where = f'task {name!r}' if name is not None else f'task {number}'
        check_schema(item, Task, where, implied=('needs',))
        if not re.fullmatch(r'[A-Za-z0-9][\w.-]*', name, re.ASCII) or name in _RESERVED:
            raise UserError(f'{where}: not a name for a folder of its own')
        check_known(item['protocol'], protocols, where + ': no such protocol: {}')
    twice = [name for name, count in Counter(i['name'] for i in items).items() if count > 1]
    if twice:
        raise UserError(f'two tasks are named {twice[0]!r}')
    trained = {i['name'] for i in items if protocols[i['protocol']].run == 'train'}
    tasks = [_task(i, protocols[i['protocol']], trained, root) for i in items]
    _check_arms(tasks)
    return _in_order(tasks)


def _task(item: dict, protocol: Protocol, trained: set[str], root: Path) -> Task:
    where, weights = f'task {item["name"]!r}', item.get('weights')
    if weights is None and protocol.run == 'test':
        raise UserError(f"{where}: a test needs 'weights' (a task, a file, or {NO_WEIGHTS!r})")
    sources = list(weights.values()) if isinstance(weights, dict) else [weights]
    if isinstance(weights, dict) and protocol.run == 'test' and TESTED not in weights:
        raise UserError(f"{where}: a test's 'weights' must have a {TESTED!r}, what is tested")
    for source in sources:
        # A file may be missing until the suite runs; the plan says so.
        known = source in trained or source in (None, NO_WEIGHTS) or is_remote(source)
        if not known and not (root / source).is_file() and not re.search(r'[/\\]|\.\w+$', source):
            raise UserError(
                f"{where}: 'weights' names neither a train task nor a file: {source!r}"
                + suggestion(source, trained)
            )
    needs = tuple(dict.fromkeys(source for source in sources if source in trained))
    options = {**protocol.options, **item.get('options', {})}
    return Task(**{**item, 'protocol': protocol, 'options': options}, needs=needs)


def _check_arms(tasks: list[Task]) -> None:
    points = Counter((t.protocol.name, t.arm, t.seed) for t in tasks if t.protocol.baseline)
    for (protocol, arm, seed), count in points.items():
        if count > 1:
            raise UserError(f'{count} tasks of protocol {protocol!r} have arm {arm!r}, seed {seed}')
    for protocol in {t.protocol.name: t.protocol for t in tasks if t.protocol.baseline}.values():
        arms = {t.arm for t in tasks if t.protocol is protocol}
        message = f"protocol {protocol.name!r}: no task has the baseline's arm {{}}"
        check_known(protocol.baseline, arms, message)


def _in_order(tasks: list[Task]) -> tuple[Task, ...]:
    """Order the tasks: each behind those it needs, else as given."""
    ordered: dict[str, Task] = {}
    waiting = list(tasks)
    while waiting:
        ready = [t for t in waiting if ordered.keys() >= set(t.needs)]
        if not ready:
            names = ' -> '.join(t.name for t in waiting)
            raise UserError(f'these tasks need one another: {names}')
        ordered[ready[0].name] = ready[0]
        waiting.remove(ready[0])
    return tuple(ordered.values())
