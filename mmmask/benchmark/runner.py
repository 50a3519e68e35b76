"""Runs a suite: each task is a process, started after the one it needs, skipped if it is done."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path

from mmmask.utils.errors import UserError

from .estimate import chains, expected_seconds, in_words, remaining_seconds
from .folder import TaskFolder
from .identity import data_hashes, first_change, identity_of, resolve_config, value_at
from .process import Child, exclusive, stop_signals
from .results import build_records, write_results
from .suite import NO_WEIGHTS, Suite, Task, select

INIT_CFG = 'model.backbone.init_cfg'
"""Where a training takes its weights from."""


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
        slots: Places for processes, see :func:`~mmmask.benchmark.process.make_slots`.
        keep_going: After a failure, go on with what doesn't depend on it.
        say: Receives each line of progress.
        python: The interpreter that runs each task, in the suite's root.
    """

    def __init__(
        self,
        suite: Suite,
        work_dir: str | Path,
        slots: Sequence[dict[str, str]],
        keep_going: bool = False,
        say: Callable[[str], None] = print,
        python: str = sys.executable,
    ) -> None:
        self.suite = suite
        self.work_dir = Path(work_dir).resolve()
        self.slots = list(slots)
        self.keep_going = keep_going
        self.say = say
        self.python = self._shown(python)
        self._tasks: tuple[Task, ...] = ()
        self._data: dict[str, str] = {}
        self._running: dict[str, tuple[Child, dict[str, str]]] = {}
        self._seconds: dict[str, float] = {}
        self._failed: dict[str, str] = {}

    def folder(self, task: Task) -> TaskFolder:
        """Return the task's folder."""
        return TaskFolder(self.work_dir / task.name)

    def check(self) -> None:
        """Check that every config can be read, and has the values that are to be printed."""
        for task in self.suite.tasks:
            config = resolve_config(task, self.suite.root)
            try:
                for path in task.protocol.values.values():
                    value_at(config, path)
            except UserError as error:
                raise UserError(f'{task.protocol.config}: {error}') from None

    def weights_of(self, task: Task) -> Path | None:
        """Return the checkpoint that the task takes, which must be there; None if it takes none."""
        if task.needs:
            return self.folder(self.suite.task(task.needs)).checkpoint(self.suite.root)
        return None if task.weights in (None, NO_WEIGHTS) else self.suite.root / task.weights

    def command(self, task: Task, weights: Path | str | None) -> list[str]:
        """Return the command line of a task, without ``--resume``; paths relative to the root."""
        command = [self.python, '-m', 'mmmask', task.protocol.run, task.protocol.config]
        weights = self._shown(weights) if weights else task.weights
        if task.protocol.run == 'test':
            command.append(weights)
        command += ['--work-dir', self._shown(self.work_dir / task.name), '--seed', str(task.seed)]
        options = [f'{path}={_option(value)}' for path, value in task.options.items()]
        if task.protocol.run == 'train' and weights == NO_WEIGHTS:
            options.append(f'{INIT_CFG}=None')
        elif task.protocol.run == 'train' and weights:
            options.append(f'{INIT_CFG}.checkpoint={weights}')
        return command + (['--cfg-options', *options] if options else [])

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
            needed = self.suite.task(task.needs) if task.needs else None
            if needed and (needed.name in stale or not self.folder(needed).result):
                action, words = Action.RUN, f'run, after {needed.name}'
                weights: Path | str | None = f'<checkpoint of {needed.name}>'
            else:
                weights = self.weights_of(task)
                action = self._decide(task, weights)[0]
                words = action.value
            if action is not Action.SKIP:
                stale.add(task.name)
            steps.append((task, words, self.command(task, weights)))
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
        with exclusive(self.work_dir) as lock, stop_signals():
            self._prepare(lock)
            self._data = data_hashes(self.suite.data, self.suite.root)
            try:
                while self._left:
                    self._start(lock)
                    self._collect()
                    if self._failed and not self.keep_going:
                        break
                    time.sleep(0.1)
            finally:
                self._stop()
        if self._failed:
            name, why = next(iter(self._failed.items()))
            others = f' (and {len(self._failed) - 1} more)' if len(self._failed) > 1 else ''
            raise SuiteFailed(f'{name} failed{others}: {why}')

    def _prepare(self, lock: int) -> None:
        if not self.suite.prepare:
            return
        command = [self.python, *self.suite.prepare]
        self.say(f'prepare: {shlex.join(command)}')
        folder = TaskFolder(self.work_dir / 'prepare')
        folder.path.mkdir(exist_ok=True)
        folder.log.write_text('')
        child = Child(command, folder.log, self.suite.root, {}, [lock])
        try:
            status = child.wait()
        finally:
            child.stop()
        if status:
            raise SuiteFailed(f'prepare failed: {folder.last_error()} (log: {folder.log})')

    @property
    def _left(self) -> list[Task]:
        """Return the tasks that haven't ended."""
        return [t for t in self._tasks if t.name not in {*self._seconds, *self._failed}]

    def _start(self, lock: int) -> None:
        """Start or skip what is ready, longest chain first."""
        if len(self._running) == len(self.slots):
            return
        longest = chains(self._tasks, expected_seconds(self.suite.tasks, self._seconds))
        waiting = [task for task in self._left if task.name not in self._running]
        for task in sorted(waiting, key=lambda task: -longest[task.name]):
            if task.needs in self._failed:
                self._failed[task.name] = f'it needs {task.needs}'
                self.folder(task).path.mkdir(exist_ok=True)
                self.folder(task).write_state(status='failed', error=f'needs {task.needs}')
            elif task.needs is None or task.needs in self._seconds:
                self._start_one(task, lock)

    def _start_one(self, task: Task, lock: int) -> None:
        folder = self.folder(task)
        try:
            weights = self.weights_of(task)
            action, why, identity = self._decide(task, weights)
        except UserError as error:
            self._fail(task, 0.0, str(error))
            return
        if action is Action.SKIP:
            folder.write_state(status='done', error=None)
            self._finish(task, 'already done')
            return
        free = list(self.slots)
        for _, slot in self._running.values():
            free.remove(slot)
        if not free:
            return
        if action is Action.RUN and folder.path.exists() and any(folder.path.iterdir()):
            folder.supersede()
        folder.path.mkdir(parents=True, exist_ok=True)
        command = self.command(task, weights)
        folder.write_state(
            status='running',
            command=shlex.join(command),
            environment=free[0],
            identity=identity,
            started=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            attempts=folder.state.get('attempts', 0) + 1,
            error=None,
        )
        resume = ['--resume'] if action is Action.CONTINUE else []
        child = Child(command + resume, folder.log, self.suite.root, free[0], [lock])
        self._running[task.name] = (child, free[0])
        verb = 'starts' if action is Action.RUN else 'continues'
        self._tell(task, f'{verb}{why}')

    def _decide(self, task: Task, weights: Path | None) -> tuple[Action, str, dict]:
        """Return what to do with a task; why, in words; the task's identity."""
        identity = identity_of(task, self.suite.root, weights, self._data)
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
        """Take note of the processes that ended."""
        for name, (child, _) in list(self._running.items()):
            status = child.poll()
            if status is None:
                continue
            del self._running[name]
            child.stop()
            task = self.suite.task(name)
            folder = self.folder(task)
            seconds = folder.seconds + child.seconds
            if status or not folder.result:
                error = folder.last_error() if status else 'it ended without a result'
                if status < 0:
                    error = f'killed by {signal.Signals(-status).name} after: {error}'
                self._fail(task, seconds, error)
            else:
                folder.write_state(status='done', seconds=round(seconds, 2))
                self._finish(task, f'done in {in_words(seconds)}')

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
        for name, (child, _) in self._running.items():
            child.stop()
            folder = self.folder(self.suite.task(name))
            seconds = folder.seconds + child.seconds
            folder.write_state(status='interrupted', seconds=round(seconds, 2))
        self._running.clear()

    def _tell(self, task: Task, what: str) -> None:
        total = len(self._tasks)
        self.say(f'[{total - len(self._left)}/{total}] {task.name} {what}')

    def _eta(self) -> str:
        elapsed = {name: child.seconds for name, (child, _) in self._running.items()}
        expected = expected_seconds(self.suite.tasks, self._seconds)
        seconds = remaining_seconds(self._left, expected, elapsed, len(self.slots))
        return '' if not self._left or seconds is None else f' (ETA {in_words(seconds)})'

    def _shown(self, path: str | Path) -> str:
        """Return a path as a command names it: relative to the root if it lies in it."""
        path = Path(path)
        if path.is_relative_to(self.suite.root):
            path = path.relative_to(self.suite.root)
        return str(path)


def _option(value: object) -> str:
    """Write a value in the notation of ``--cfg-options``."""
    if isinstance(value, (list, tuple)):
        return '[' + ','.join(map(_option, value)) + ']'
    return str(value)
