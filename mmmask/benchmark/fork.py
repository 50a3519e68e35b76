"""Starts commands of mmmask as forks of one process, which has imported the mm packages once."""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Sequence
from multiprocessing import get_context, set_start_method
from multiprocessing.forkserver import ensure_running
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

from mmmask.utils.errors import explained

from .process import Session, with_this_code

_FORKS = get_context('forkserver')
_FORKS.set_forkserver_preload(
    ['mmmask.registration', 'mmmask.config.options', 'mmmask.launch.train', 'mmmask.launch.test']
)


def start_forks(environment: dict[str, str]) -> None:
    """Start the process of which all commands are forks, unless it runs; it imports by itself.

    Args:
        environment: Variables on top of this process's.

    Raises:
        UserError: If its socket can't be made: the path may have 107 characters.
    """
    before = dict(os.environ)
    os.environ.update(with_this_code({**environment, 'PYTHONUNBUFFERED': '1'}))
    try:
        with explained('no socket can be made in TMPDIR (set a shorter one)'):
            ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)


class Fork(Session):
    """Runs a command of mmmask as a `Child` does, but doesn't import the packages again.

    For Linux without CUDA, which a fork can't go on using.

    Args:
        command: Python, ``-m``, ``mmmask``, and its words.
        log: File to append to.
        cwd: Working directory.
        environment: Variables on top of this process's; the same for all forks.
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
        start_forks(environment)
        given = command[3:], log, cwd, [_Descriptor(number) for number in keep_open]
        self._process = _FORKS.Process(target=_run, args=given)
        self._process.start()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it ends, at most so many seconds."""
        self._process.join(timeout)


class _Descriptor:
    """A file descriptor on its way into a fork, which keeps it open."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple:
        return _detach, (DupFd(self._number),)


def _detach(descriptor: Any) -> int:
    return descriptor.detach()


def _run(words: Sequence[str], log: Path, cwd: Path, _: Sequence[int]) -> None:
    """Run ``python -m mmmask`` in a fork, in a session of its own."""
    os.setsid()
    os.chdir(cwd)
    sys.path.insert(0, os.getcwd())  # a config may import a module of this folder
    set_start_method(None, force=True)  # that of its own children is mmengine's business
    with open(os.devnull, 'rb') as nothing, log.open('ab') as file:
        for source, target in ((nothing, 0), (file, 1), (file, 2)):
            os.dup2(source.fileno(), target)
    sys.argv[1:] = words
    runpy.run_module('mmmask', run_name='__main__')
