"""Describes what a suite would run: needs, data, checkpoints, expected time, commands."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import torch
from mmengine.registry import DATASETS

from mmmask.checks.data import check_files
from mmmask.config.build import scope_of
from mmmask.config.checkpoints import check_readable, named_checkpoints
from mmmask.config.init_cfg import PLACEHOLDER
from mmmask.config.options import read_with_options
from mmmask.timing.step_timing import Step, read_training, summary, time_steps
from mmmask.utils.errors import UserError, explained, one_line
from mmmask.utils.files import is_remote
from mmmask.utils.text import aligned, in_words

from .estimate import expected_seconds, remaining_seconds
from .folder import TaskFolder
from .identity import resolve_config
from .runner import SuiteRunner, weight_options
from .suite import NO_WEIGHTS, Suite, Task

COLUMNS = ('task', 'to do', 'needs', 'data', 'weights', 'time')


def describe_plan(runner: SuiteRunner, only: Iterable[str] = (), measure: bool = False) -> str:
    """Return the plan as a table, what is in its way, and the command of each row.

    Args:
        runner: Knows the suite and its folder.
        only: Tasks, as of :meth:`SuiteRunner.run`; all if none is named.
        measure: Time steps of trainings that haven't run.
    """
    suite, steps = runner.suite, runner.plan(only)
    known = earlier_seconds(suite, runner.work_dir, runner.executor.machine)
    rows, measured = [COLUMNS], {}
    problems: dict[str, list[str]] = {}
    for task, _, _ in steps if measure else ():
        if task.name not in known and task.protocol.run == 'train':
            try:
                measured[task.name] = _measured_seconds(task, suite)
            except UserError as error:
                problems.setdefault(str(error), []).append(task.name)
    known |= measured
    expected = expected_seconds(suite.tasks, known)
    for task, words, _ in steps:
        missing = missing_data(task, suite)
        weights, found = _weights(task, suite)
        found += [missing] if missing else []
        try:
            runner.executor.check(task.name, task.protocol.gpus, task.protocol.nodes)
        except UserError as error:
            found.append(str(error).removeprefix(f'{task.name} '))
        for problem in found:
            problems.setdefault(problem, []).append(task.name)
        made = 'made first' if suite.prepare else 'missing'
        seconds = expected.get(task.name)
        time = '?' if seconds is None else in_words(seconds)
        if task.name in measured:
            time += ' (steps)'
        elif task.name not in known and seconds is not None:
            time += ' (stated)'
        rows.append((task.name, words, _needs(task), made if missing else 'there', weights, time))
    left = [task for task, words, _ in steps if words != 'skip']
    lines = [aligned(rows), '', _total(left, expected, runner.executor.places)]
    lines += [f'! {_first_of(names)}: {problem}' for problem, names in problems.items()]
    lines += [
        f'! {name}: published numbers only; --set {name}=FILE measures it ({source})'
        for name, source in suite.missing.items()
    ]
    lines += [f'\n{task.name}\n    {shlex.join(command)}' for task, _, command in steps]
    return '\n'.join(lines)


def _first_of(names: Sequence[str]) -> str:
    return names[0] + (f' and {len(names) - 1} more' if len(names) > 1 else '')


def earlier_seconds(suite: Suite, work_dir: Path, machine: str) -> dict[str, float]:
    """Return the seconds of tasks that have run: here, or in a folder beside, on this machine.

    Args:
        suite: The tasks.
        work_dir: The suite's folder. A task of a folder beside it counts if its resolved config and
            its number of processes are the same.
        machine: As executors name it.
    """
    found = {}
    for task in suite.tasks:
        state = TaskFolder(work_dir / task.name).state
        if state.get('status') == 'done' and 'seconds' in state:
            found[task.name] = state['seconds']
    others: dict[tuple[str, int], float] = {}
    paths: list[Path] = []
    for beside in sorted(work_dir.parent.glob('*/')):
        with suppress(OSError):  # a folder that isn't ours to read, or has gone
            paths += sorted(beside.glob('*/task.json'))
    for path in paths:
        state = TaskFolder(path.parent).state
        if state.get('status') == 'done' and state.get('machine') == machine:
            identity = state['identity']
            key = json.dumps(identity['config'], sort_keys=True), identity.get('processes', 1)
            others[key] = state.get('seconds', 0.0)
    for task in suite.tasks if others else ():
        key = json.dumps(resolve_config(task, suite.root), sort_keys=True), task.protocol.gpus
        if task.name not in found and key in others:
            found[task.name] = others[key]
    return found


def _measured_seconds(task: Task, suite: Suite) -> float:
    """Return the time of a training's steps, without validation and waiting for data.

    Raises:
        UserError: If a step can't be taken, or the images can't be counted.
    """
    config, options = _config(task, suite), json.dumps(task.options, sort_keys=True)
    steps, batch = _steps_and_batch(config, options, task.protocol.gpus)
    return steps * _seconds_of_step(config, options, batch)


@lru_cache(maxsize=256)
def _steps_and_batch(config: str, options: str, gpus: int) -> tuple[int, int]:
    cfg = read_training(config, json.loads(options))
    batch, length = cfg.train_dataloader.batch_size, cfg.get('train_cfg') or {}
    if length.get('max_iters'):
        return length['max_iters'], batch
    with scope_of(cfg), explained(f"the images of '{config}' can't be counted"):
        images = len(DATASETS.build(cfg.train_dataloader.dataset))
    return length['max_epochs'] * math.ceil(images / (batch * gpus)), batch


@lru_cache(maxsize=256)
def _seconds_of_step(config: str, options: str, batch: int) -> float:
    step = Step(config, json.loads(options), 'cuda' if torch.cuda.is_available() else 'cpu')
    return summary(time_steps([step], count=5)[0], batch)['median']


def missing_data(task: Task, suite: Suite) -> str | None:
    """Return what is missing of a task's data, None if all is there."""
    options = json.dumps(task.options, sort_keys=True)
    return _missing_data(_config(task, suite), options, task.protocol.run)


@lru_cache(maxsize=256)
def _missing_data(config: str, options: str, run: str) -> str | None:
    modes = ('train', 'val') if run == 'train' else ('test',)
    try:
        check_files(read_with_options(config, json.loads(options)), modes)
    except UserError as error:
        return one_line(error)
    return None


def _config(task: Task, suite: Suite) -> str:
    config = task.protocol.config
    return config if '::' in config else str(suite.root / config)


def _needs(task: Task) -> str:
    protocol = task.protocol
    needs = f'{protocol.gpus} process{"es" if protocol.gpus > 1 else ""}'
    needs += f' on {protocol.nodes} nodes' if protocol.nodes > 1 else ''
    needs += f', {protocol.cpus} cores each' if protocol.cpus else ''
    return needs + (f', {protocol.hours:g} h' if protocol.hours else '')


def _weights(task: Task, suite: Suite) -> tuple[str, list[str]]:
    """Return a task's weights in words, and what is missing."""
    words, missing = [], []
    for place, source in _checkpoints(task, suite):
        if source in task.needs or source == NO_WEIGHTS:
            words.append(source)
            continue
        try:
            if source == PLACEHOLDER:
                raise UserError(f"a checkpoint at {place or 'the test'}, which 'weights' can name")
            check_readable(str(suite.root / source) if not is_remote(source) else source, place)
            words.append(f'{source} ({"fetched" if is_remote(source) else "there"})')
        except UserError as error:
            words.append(f'{source} (missing)')
            missing.append(one_line(error))
    return ', '.join(words) or '-', missing


def _checkpoints(task: Task, suite: Suite) -> Iterator[tuple[str, str]]:
    """Yield the place and the source of every checkpoint that a task takes."""
    yield from task.sources.items()
    if task.protocol.run == 'test':
        return  # the checkpoint that is tested has the whole model
    options = {**task.options, **weight_options(task, task.sources)}
    given = {*task.sources.values()}
    cfg = read_with_options(_config(task, suite), options)
    for named in named_checkpoints(cfg) if cfg.get('model') else ():
        if named.path not in given:
            yield named.place, named.path


def _total(left: Sequence[Task], expected: Mapping[str, float], places: float) -> str:
    if not left:
        return 'Nothing is left to run.'
    seconds = remaining_seconds(left, expected, {}, places)
    if seconds is None:
        return f'{len(left)} tasks to run; nothing is known of their time: state minutes or hours.'
    hours = sum(expected[task.name] * task.protocol.gpus for task in left) / 3600
    time = in_words(seconds) + ('' if math.isinf(places) else f', {places} processes at a time')
    return f'{len(left)} tasks to run: {hours:.2f} process (GPU) hours, {time}.'
