"""Starts and ends the processes of tasks, each in a place of its own."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mmmask.utils.errors import UserError

_CODE = Path(__file__).resolve().parents[2]


def make_slots(jobs: int | None, cores: int, gpus: Sequence[str]) -> list[dict[str, str]]:
    """Make the places for ``jobs`` processes: variables that keep each to its share.

    With GPUs, each place sees one of them; without, the cores are shared evenly
    (two processes at default threads are twenty times slower than one).

    Args:
        jobs: Processes at a time; None: one for each GPU, else one for each core up to 2.
        cores: Number of usable CPU cores.
        gpus: Names for ``CUDA_VISIBLE_DEVICES``.

    Raises:
        UserError: If ``jobs`` isn't positive.
    """
    if jobs is None:
        jobs = len(gpus) or min(2, cores)
    if jobs < 1:
        raise UserError(f'--jobs must be at least 1, got {jobs}')
    if gpus:
        return [dict(CUDA_VISIBLE_DEVICES=gpus[i % len(gpus)]) for i in range(jobs)]
    return [dict(OMP_NUM_THREADS=str(max(1, cores // jobs)))] * jobs


def with_this_code(environment: dict[str, str]) -> dict[str, str]:
    """Return variables under which a process runs this checkout's code, installed or not."""
    if not (_CODE / 'setup.cfg').is_file():
        return environment
    paths = [str(_CODE), *filter(None, [environment.get('PYTHONPATH')])]
    return {**environment, 'PYTHONPATH': os.pathsep.join(paths)}


class Session:
    """A started command with its children: they share a session, named by the process id."""

    pid: int
    started: float

    @property
    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def stop(self, patience: float = 10.0) -> None:
        """Ask the process and its children to end; kill them after ``patience`` seconds."""
        for number, timeout in ((signal.SIGTERM, patience), (signal.SIGKILL, None)):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.wait(timeout)


class Child(Session, subprocess.Popen):
    """Runs a command that writes into a log, with all processes that the command starts.

    Args:
        command: Program and arguments.
        log: File to append to.
        cwd: Working directory.
        environment: Variables on top of this process's.
        keep_open: File descriptors that it inherits.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        cwd: Path,
        environment: dict[str, str],
        keep_open: Sequence[int] = (),
    ) -> None:
        self.started = time.monotonic()
        environment = with_this_code({**os.environ, **environment, 'PYTHONUNBUFFERED': '1'})
        with log.open('ab') as file:
            super().__init__(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=environment,
                start_new_session=True,
                pass_fds=keep_open,
            )


class Interrupted(Exception):
    """Says that a signal, which its message names, asked the runner to stop."""


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into :class:`Interrupted`, once; more are ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, _frame: object) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def exclusive(folder: Path, wait: bool = False) -> Iterator[int]:
    """Keep others out of a folder.

    The lock belongs to an open file: children that inherit the descriptor keep the lock after this
    process has left it, or was killed.

    Args:
        folder: It is made if there is none.
        wait: Wait for others, instead of refusing.

    Yields:
        The file descriptor.

    Raises:
        UserError: If somebody else is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / '.lock').open('a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f'{folder} is in use by the runner with process id {file.read().strip() or "?"}: '
                'wait for it or stop it'
            ) from None
        file.truncate(0)
        file.write(f'{os.getpid()}\n')
        file.flush()
        yield file.fileno()


def is_in_use(folder: Path) -> bool:
    """Return True if a process has the folder's lock, see :func:`exclusive`."""
    if not (folder / '.lock').is_file():
        return False
    with (folder / '.lock').open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
