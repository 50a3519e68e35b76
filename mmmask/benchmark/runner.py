"""Runs a suite: an executor starts each task after those it needs; done ones are skipped."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path

from mmmask.utils.errors import UserError
from mmmask.utils.files import is_remote
from mmmask.utils.text import in_words

from .arms import TESTED
from .estimate import chains, expected_seconds, remaining_seconds
from .executors import Job, LocalExecutor, Running, SubmititExecutor
from .folder import TaskFolder
from .identity import data_hashes, first_change, identity_of, resolve_config, value_at
from .process import Child, exclusive, stop_signals
from .results import build_records, write_results
from .suite import NO_WEIGHTS, Suite, Task, select


class Action(Enum):
    """Names what the runner does with a task."""

    SKIP = 'skip'
    CONTINUE = 'continue'
    RUN = 'run'


class SuiteFailed(UserError):
    """Says that a task failed."""


class SuiteRunner:
    """Runs the tasks of a suite.

    Args:
        suite: What to run.
        work_dir: Where everything goes; each task has a folder of its name in it.
        executor: Starts the processes.
        keep_going: After a failure, go on with what doesn't depend on it.
        say: Receives each line of progress.
        python: The interpreter that runs each task, in the suite's root.
    """

    def __init__(
        self,
        suite: Suite,
        work_dir: str | Path,
        executor: LocalExecutor | SubmititExecutor,
        keep_going: bool = False,
        say: Callable[[str], None] = print,
        python: str = sys.executable,
    ) -> None:
        self.suite = suite
        self.work_dir = Path(work_dir).resolve()
        self.executor = executor
        self.keep_going = keep_going
        self.say = say
        self.python = self._shown(python)
        self._tasks: tuple[Task, ...] = ()
        self._data: dict[str, str] = {}
        self._running: dict[str, Running] = {}
        self._seconds: dict[str, float] = {}
        self._failed: dict[str, str] = {}

    def folder(self, task: Task) -> TaskFolder:
        """Return the task's folder."""
        return TaskFolder(self.work_dir / task.name)

    def check(self) -> None:
        """Check that every config can be read, has what is to be printed, and takes the weights."""
        for task in self.suite.tasks:
            try:
                config = resolve_config(task, self.suite.root)
                for path in task.protocol.values.values():
                    value_at(config, path)
                if isinstance(task.weights, dict):
                    places = weight_options(task, task.sources)
                    placed = replace(task, options={**task.options, **places})
                    resolve_config(placed, self.suite.root)
            except UserError as error:
                raise UserError(f'{task.protocol.config}: {error}') from None

    def weights_of(self, task: Task) -> dict[str, Path]:
        """Return the files of the checkpoints that a task takes, by place.

        Raises:
            UserError: If one isn't there.
        """
        files = {}
        for place, source in task.sources.items():
            if source in task.needs:
                files[place] = self.folder(self.suite.task(source)).checkpoint(self.suite.root)
            elif source != NO_WEIGHTS and not is_remote(source):
                files[place] = self.suite.root / source
                if not files[place].is_file():
                    raise UserError(f'{task.name}: there is no checkpoint {source!r}')
        return files

    def command(self, task: Task, files: Mapping[str, Path] | None = None) -> list[str]:
        """Return the command line of a task, without ``--resume``; paths relative to the root.

        Args:
            task: The task.
            files: As of :meth:`weights_of`; None: the tasks that are needed aren't done.
        """
        return self._job(task, files).on_this_machine()

    def _job(self, task: Task, files: Mapping[str, Path] | None, resume: bool = False) -> Job:
        protocol = task.protocol
        weights = dict(task.sources)
        for place, source in weights.items():
            if files and place in files:
                weights[place] = self._shown(files[place])
            elif source in task.needs:
                weights[place] = f'<checkpoint of {source}>'
        command = [self.python, '-m', 'mmmask', protocol.run, protocol.config]
        if protocol.run == 'test':
            command.append(weights[TESTED])
        command += ['--work-dir', self._shown(self.work_dir / task.name), '--seed', str(task.seed)]
        if protocol.gpus > 1:
            command += ['--launcher', 'pytorch']
        options = {**task.options, **weight_options(task, weights)}
        if options:
            command.append('--cfg-options')
            command += [f'{path}={_option(value)}' for path, value in options.items()]
        return Job(
            name=task.name,
            folder=self.folder(task).path,
            root=self.suite.root,
            command=tuple(command),
            gpus=protocol.gpus,
            nodes=protocol.nodes,
            cpus=protocol.cpus,
            hours=protocol.hours,
            resumable=protocol.run == 'train',
            resume=resume,
            note=self.folder(task).state.get('note'),
        )

    def plan(self, only: Iterable[str] = ()) -> list[tuple[Task, str, list[str]]]:
        """Return what :meth:`run` would do now: (task, words for it, command) of each."""
        self.check()
        stale: set[str] = set()
        try:
            self._data = data_hashes(self.suite.data, self.suite.root)
        except UserError:  # it will be made
            self._data = {}
        steps = []
        for task in select(self.suite, only):
            undone = [
                name
                for name in task.needs
                if name in stale or not self.folder(self.suite.task(name)).result
            ]
            files, action = None, Action.RUN
            if undone:
                words = f'run, after {", ".join(undone)}'
            else:
                try:
                    files = self.weights_of(task)
                    action = self._decide(task, files)[0]
                    words = action.value
                except UserError:
                    words = 'waits for a checkpoint'
            if action is not Action.SKIP:
                stale.add(task.name)
            steps.append((task, words, self.command(task, files)))
        return steps

    def run(self, only: Iterable[str] = ()) -> None:
        """Run the tasks that aren't done.

        Raises:
            SuiteFailed: If one failed.
            UserError: If the suite or the work directory isn't usable.
            Interrupted: If a signal came; the children are dead then.
        """
        self._tasks = select(self.suite, only)
        self.check()
        for task in self._tasks:
            self.executor.check(task.name, task.protocol.gpus, task.protocol.nodes)
            given = {p: s for p, s in task.sources.items() if s not in task.needs}
            self.weights_of(replace(task, weights=given, needs=()))
        try:
            with exclusive(self.work_dir), stop_signals():
                self._prepare()
                self._data = data_hashes(self.suite.data, self.suite.root)
                try:
                    self._attach()
                    while self._left:
                        self._start()
                        self._collect()
                        if self._failed and not self.keep_going:
                            break
                        time.sleep(0.1)
                finally:
                    self._stop()
        except OSError as error:  # a full disk, say
            raise UserError(f'{error}: the same command continues when that is mended') from error
        if self._failed:
            name, why = next(iter(self._failed.items()))
            others = f' (and {len(self._failed) - 1} more)' if len(self._failed) > 1 else ''
            raise SuiteFailed(f'{name} failed{others}: {why}')

    def _prepare(self) -> None:
        if not self.suite.prepare:
            return
        command = [self.python, *self.suite.prepare]
        self.say(f'prepare: {shlex.join(command)}')
        folder = TaskFolder(self.work_dir / 'prepare')
        with exclusive(folder.path, wait=True) as lock:  # a killed runner may have left its own
            folder.log.write_text('')
            child = Child(command, folder.log, self.suite.root, {}, [lock])
            try:
                status = child.wait()
            finally:
                child.stop()
        if status:
            raise SuiteFailed(f'prepare failed: {folder.last_error()} (log: {folder.log})')

    def _attach(self) -> None:
        """Find what a runner before has left running."""
        for task in self._tasks:
            if self.folder(task).state.get('status') in ('running', 'interrupted'):
                try:
                    running = self.executor.attach(self._job(task, None))
                except UserError as error:
                    raise UserError(f'{task.name}: {error}') from None
                if running is not None:
                    self._running[task.name] = running
                    self._tell(task, 'still runs: a runner before has started it')

    @property
    def _left(self) -> list[Task]:
        """Return the tasks that haven't ended."""
        return [t for t in self._tasks if t.name not in {*self._seconds, *self._failed}]

    def _start(self) -> None:
        """Start or skip what is ready, longest chain first."""
        if not self.executor.has_room(1):
            return
        longest = chains(self._tasks, expected_seconds(self.suite.tasks, self._seconds))
        waiting = [task for task in self._left if task.name not in self._running]
        for task in sorted(waiting, key=lambda task: -longest[task.name]):
            failed = [name for name in task.needs if name in self._failed]
            if failed:
                self._failed[task.name] = f'it needs {failed[0]}'
                self.folder(task).path.mkdir(exist_ok=True)
                self.folder(task).write_state(status='failed', error=f'needs {failed[0]}')
            elif all(name in self._seconds for name in task.needs):
                if not self.executor.has_room(task.protocol.gpus):
                    break  # smaller ones behind it wait, too, or it might wait for ever
                self._start_one(task)

    def _start_one(self, task: Task) -> None:
        folder = self.folder(task)
        try:
            files = self.weights_of(task)
            action, why, identity = self._decide(task, files)
        except UserError as error:
            self._fail(task, 0.0, str(error))
            return
        if action is Action.SKIP:
            if folder.state.get('status') != 'done':  # it ended while no runner was there
                seconds = folder.seconds + folder.attempt_seconds
                folder.write_state(status='done', error=None, seconds=round(seconds, 2))
            self._finish(task, 'already done')
            return
        if action is Action.RUN and folder.path.exists() and any(folder.path.iterdir()):
            folder.supersede()
        job = self._job(task, files, resume=action is Action.CONTINUE)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.write_state(
            status='running',
            command=shlex.join(self.command(task, files)),
            machine=self.executor.machine,
            environment=self.executor.environment(job.gpus),
            identity=identity,
            started=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            attempts=folder.state.get('attempts', 0) + 1,
            error=None,
        )
        running = self.executor.start(job)
        self._running[task.name] = running
        folder.write_state(note=running.note)
        verb = 'starts' if action is Action.RUN else 'continues'
        self._tell(task, f'{verb}{why}')

    def _decide(self, task: Task, files: Mapping[str, Path]) -> tuple[Action, str, dict]:
        """Return what to do with a task; why, in words; the task's identity."""
        identity = identity_of(task, self.suite.root, files, self._data)
        folder = self.folder(task)
        before = folder.state.get('identity')
        if before is None:
            return Action.RUN, '', identity
        if change := first_change(before, identity):
            return Action.RUN, f' anew: {change}', identity
        if folder.result:
            return Action.SKIP, '', identity
        if task.protocol.run == 'train' and folder.can_resume:
            return Action.CONTINUE, ' where it was interrupted', identity
        return Action.RUN, ' again: it did not end', identity

    def _collect(self) -> None:
        """Take note of the tasks that ended."""
        for name, running in list(self._running.items()):
            status = running.poll()
            if status is None:
                continue
            del self._running[name]
            self.executor.release(running)
            if not running.is_ours:
                continue  # what it has left decides
            running.stop()
            task = self.suite.task(name)
            folder = self.folder(task)
            seconds = self._seconds_of(folder, running)
            if status or not folder.result:
                error = folder.last_error() if status else 'it ended without a result'
                if status < 0:
                    error = f'killed by {signal.Signals(-status).name} after: {error}'
                self._fail(task, seconds, error)
            else:
                folder.write_state(status='done', seconds=round(seconds, 2))
                self._finish(task, f'done in {in_words(seconds)}')

    @staticmethod
    def _seconds_of(folder: TaskFolder, running: Running) -> float:
        """Return the seconds of all attempts, with the present one's."""
        seconds = running.seconds
        if seconds is None:
            seconds = folder.attempt_seconds
        return folder.seconds + seconds

    def _finish(self, task: Task, how: str) -> None:
        seconds = self.folder(task).seconds
        try:
            records = build_records(self.work_dir, task)
        except UserError as error:
            self._fail(task, seconds, str(error).removeprefix(f'{task.name}: '))
            return
        self._seconds[task.name] = seconds
        write_results(self.suite, self.work_dir)
        numbers = ', '.join(
            f'{metric.label} {record["value"] * metric.scale:.{metric.digits}f}'
            for metric, record in zip(task.protocol.metrics, records)
        )
        self._tell(task, f'{how}{numbers and ": " + numbers}{self._eta()}')

    def _fail(self, task: Task, seconds: float, error: str) -> None:
        folder = self.folder(task)
        folder.write_state(status='failed', seconds=round(seconds, 2), error=error)
        self._failed[task.name] = f'{error} (log: {self._shown(folder.log)})'
        self._tell(task, f'FAILED: {self._failed[task.name]}')

    def _stop(self) -> None:
        """End what runs, except jobs of a cluster."""
        for running in self._running.values():
            running.stop()
        for name, running in self._running.items():  # notes come last: the disk may be full
            folder = self.folder(self.suite.task(name))
            if running.stays:
                self._tell(self.suite.task(name), f'goes on as job {running.note["job"]}')
            else:
                seconds = self._seconds_of(folder, running)
                folder.write_state(status='interrupted', seconds=round(seconds, 2))
        self._running.clear()

    def _tell(self, task: Task, what: str) -> None:
        total = len(self._tasks)
        self.say(f'[{total - len(self._left)}/{total}] {task.name} {what}')

    def _eta(self) -> str:
        elapsed = {name: running.seconds or 0.0 for name, running in self._running.items()}
        expected = expected_seconds(self.suite.tasks, self._seconds)
        seconds = remaining_seconds(self._left, expected, elapsed, self.executor.places)
        return '' if not self._left or seconds is None else f' (ETA {in_words(seconds)})'

    def _shown(self, path: str | Path) -> str:
        """Return a path as a command names it: relative to the root if it lies in it."""
        path = Path(path)
        if path.is_relative_to(self.suite.root):
            path = path.relative_to(self.suite.root)
        return str(path)


def weight_options(task: Task, weights: Mapping[str, str]) -> dict[str, str | None]:
    """Return the options by which a task takes its weights.

    Args:
        task: The task; what a test tests is no option.
        weights: Place -> file, or :data:`~mmmask.benchmark.suite.NO_WEIGHTS`. An ``init_cfg`` gets
            the file as its ``checkpoint``.
    """
    options: dict[str, str | None] = {}
    for place, weight in weights.items():
        if place == TESTED and task.protocol.run == 'test':
            continue
        init_cfg = place.removesuffix('.checkpoint')
        if not init_cfg.endswith('init_cfg'):
            options[place] = None if weight == NO_WEIGHTS else weight
        elif weight == NO_WEIGHTS:
            options[init_cfg] = None
        else:
            options[f'{init_cfg}.checkpoint'] = weight
    return options


def _option(value: object) -> str:
    """Write a value in the notation of ``--cfg-options``."""
    if isinstance(value, (list, tuple)):
        return '[' + ','.join(map(_option, value)) + ']'
    return _literal(value) if isinstance(value, dict) else str(value)


def _literal(value: object) -> str:
    """Write a Python literal without a single quote, so that a shell's quotes leave it readable."""
    if isinstance(value, dict):
        items = (f'{_literal(key)}: {_literal(inner)}' for key, inner in value.items())
        return '{' + ', '.join(items) + '}'
    if isinstance(value, (list, tuple)):
        return '[' + ', '.join(map(_literal, value)) + ']'
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
