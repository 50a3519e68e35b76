"""Starts the processes of tasks: on this machine, or as jobs of a cluster's scheduler.

An executor has ``places`` (processes at a time) and ``machine`` (a name for where they run), and:

- ``check(name, gpus, nodes)`` refuses a task that never fits;
- ``has_room(gpus)`` says whether a task of so many processes fits now, ``environment(gpus)`` which
  variables of its own it would have;
- ``start(job)`` starts it, and ``attach(job)`` finds what an earlier runner has started. Both
  return a :class:`Running`, ``attach`` None if nothing is there;
- ``release(running)`` frees the places of a task that has ended.
"""

from __future__ import annotations

import math
import os
import platform
import re
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from mmmask.launch.spawn import rank_variables
from mmmask.utils.errors import UserError, explained

from .fork import Fork, start_forks
from .process import Child, exclusive, is_in_use, with_this_code

DEVICES = 'CUDA_VISIBLE_DEVICES'


@dataclass(frozen=True)
class Job:
    """Describes what an executor starts.

    Attributes:
        name: The task's.
        folder: The task's; ``log.txt`` and the lock of its processes are there.
        root: Working directory.
        command: Program and arguments of one process.
        gpus: Processes in all, one for each GPU where there are any.
        nodes: Machines that share them.
        cpus: Cores of each process.
        hours: The scheduler's time limit.
        resumable: ``--resume`` goes on with it where it was interrupted.
        resume: It goes on.
        note: What :attr:`Running.note` was when an earlier runner started it.
    """

    name: str
    folder: Path
    root: Path
    command: tuple[str, ...]
    gpus: int = 1
    nodes: int = 1
    cpus: int | None = None
    hours: float | None = None
    resumable: bool = False
    resume: bool = False
    note: Mapping[str, Any] | None = None

    @property
    def log(self) -> Path:
        """Return the file with the output."""
        return self.folder / 'log.txt'

    def on_this_machine(self) -> list[str]:
        """Return the command that starts all processes here."""
        python, *words = self.of_one_process()
        several = ['-m', 'mmmask.launch.spawn', str(self.gpus)] if self.gpus > 1 else []
        return [python, *several, *words]

    def of_one_process(self) -> list[str]:
        """Return the command of each process, which finds its rank in the environment."""
        return [*self.command, *(['--resume'] if self.resume else [])]


class Running(Protocol):
    """A task that an executor has started.

    Attributes:
        note: Plain values by which a later runner finds it.
        seconds: Since its start; None if it isn't known.
        is_ours: Whether its end tells if it succeeded.
        stays: Whether it outlives the runner.
    """

    note: Mapping[str, Any]
    seconds: float | None
    is_ours: bool
    stays: bool

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""

    def stop(self) -> None:
        """End it, with all its processes."""


class LocalChild:
    """Runs a task's processes; they hold the lock of the task's folder until all have ended."""

    is_ours, stays = True, False

    def __init__(self, job: Job, environment: dict[str, str], kind: type[Child | Fork]) -> None:
        with exclusive(job.folder) as lock:
            self._child = kind(job.on_this_machine(), job.log, job.root, environment, [lock])
        self.note = dict(pid=self._child.pid)
        self.poll, self.stop = self._child.poll, self._child.stop

    @property
    def seconds(self) -> float:
        """Return the seconds since the start."""
        return self._child.seconds


class LeftBehind:
    """Stands for the processes of a runner that was killed: they hold the folder's lock."""

    seconds, is_ours, stays = None, False, False

    def __init__(self, job: Job) -> None:
        self.note, self._folder = dict(job.note or {}), job.folder

    def poll(self) -> int | None:
        """Return 0 when all have ended, however."""
        return None if is_in_use(self._folder) else 0

    def stop(self, patience: float = 10.0) -> None:
        """Ask them to end; kill them after ``patience`` seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + patience
            with suppress(ProcessLookupError, KeyError):
                os.killpg(self.note['pid'], number)
            while self.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            if self.poll() is not None:
                break


class LocalExecutor:
    """Fills the GPUs of this machine, or its cores, with tasks.

    Args:
        slots: Places for processes, see :func:`~mmmask.benchmark.process.make_slots`.
        forks: Whether tasks of one process start as a `Fork`; all places have the same variables.
    """

    def __init__(self, slots: Sequence[dict[str, str]], forks: bool = False) -> None:
        self._slots, self._forks = list(slots), forks
        if forks:
            start_forks(self._slots[0])
        self._taken: dict[int, list[int]] = {}
        self.places = len(self._slots)
        self.machine = platform.node()

    def check(self, name: str, gpus: int, nodes: int) -> None:
        """Raise :class:`UserError` if this machine is too small for a task."""
        fits = len(self._pick(range(self.places), gpus)) == gpus
        if not fits or nodes > 1:
            needs = f'{gpus} processes' + f' on {nodes} machines' * (nodes > 1)
            devices = {slot[DEVICES] for slot in self._slots if DEVICES in slot}
            here = f'{len(devices)} GPU(s)' if devices else f'places for {self.places}'
            raise UserError(
                f'{name} needs {needs}, and here are {here}: --executor slurm runs it on a '
                'cluster, --gpus N --fit batch (or accumulate, or rates) with fewer processes'
                + ('' if devices else ', --jobs N makes more places')
            )

    def has_room(self, gpus: int) -> bool:
        """Return True if enough places are free."""
        return len(self._pick(self._free(), gpus)) == gpus

    def environment(self, gpus: int) -> dict[str, str]:
        """Return the variables of the places that a task would have now."""
        chosen = [self._slots[index] for index in self._pick(self._free(), gpus)]
        devices = {DEVICES: ','.join(slot[DEVICES] for slot in chosen if DEVICES in slot)}
        return {**chosen[0], **(devices if devices[DEVICES] else {})}

    def start(self, job: Job) -> Running:
        """Start a task; there must be room."""
        kind = Fork if self._forks and job.gpus == 1 else Child
        child = LocalChild(job, self.environment(job.gpus), kind)
        return self._take(child, self._pick(self._free(), job.gpus))

    def attach(self, job: Job) -> Running | None:
        """Find the processes that a killed runner has left.

        Raises:
            UserError: If the task is a cluster's job.
        """
        if is_in_use(job.folder):
            return self._take(LeftBehind(job), self._free()[: job.gpus])
        if 'job' in (job.note or {}):
            raise UserError(
                f'it was started as job {job.note["job"]} of a cluster: run the suite with '
                '--executor slurm, which finds the job or sees that it has ended'
            )
        return None

    def release(self, running: Running) -> None:
        """Free the places of a task that has ended."""
        self._taken.pop(id(running), None)

    def _free(self) -> list[int]:
        taken = {index for indices in self._taken.values() for index in indices}
        return [index for index in range(self.places) if index not in taken]

    def _pick(self, indices: Sequence[int], count: int) -> list[int]:
        """Return up to ``count`` of these places, no two on one GPU."""
        chosen: dict[Any, int] = {}
        for index in indices:
            chosen.setdefault(self._slots[index].get(DEVICES, index), index)
        return list(chosen.values())[:count]

    def _take(self, running: Running, indices: list[int]) -> Running:
        self._taken[id(running)] = indices
        return running


class Rank:
    """Runs one process of a task within a job of the scheduler.

    submitit pickles it and calls it once for each process. When the job is preempted or its time is
    up, submitit asks for a checkpoint and requeues the job. It then goes on from the last
    checkpoint that the training has written by itself.

    Args:
        job: What is run.
    """

    grace = 60.0
    """Seconds to wait for the requeueing, after a process was ended by the signal for it."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self) -> None:
        """Run the process to its end.

        Raises:
            RuntimeError: If it fails: the scheduler then ends the other processes.
        """
        import submitit

        here, job = submitit.JobEnvironment(), self._job
        port = 20000 + int(re.sub(r'\D', '', here.job_id)) % 10000
        place = (here.global_rank, here.num_tasks, here.local_rank, here.hostnames[0], port)
        environment = rank_variables(*place)
        if job.cpus or job.gpus > 1:
            environment['OMP_NUM_THREADS'] = str(job.cpus or 1)
        child = Child(job.of_one_process(), job.log, job.root, environment)
        self._pid = child.pid
        try:
            while (status := child.poll()) is None:
                time.sleep(0.1)
            if -status in (signal.SIGTERM, signal.SIGUSR2):
                time.sleep(self.grace)  # the scheduler warns all processes; submitit requeues then
        finally:
            child.stop()
        if status:
            raise RuntimeError(f'exit status {status} (log: {job.log})')

    def checkpoint(self) -> Any:
        """Return what submitit requeues; the process is killed, its files are whole at any time."""
        from submitit.helpers import DelayedSubmission

        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        return DelayedSubmission(Rank(replace(self._job, resume=self._job.resumable)))


class Submitted:
    """Watches a job of the scheduler, which outlives the runner."""

    seconds, is_ours, stays = None, True, True

    def __init__(self, job: Job, submitted: Any, attached: bool = False) -> None:
        self.note = dict(job=submitted.job_id)
        self._folder, self._submitted, self._attached = job.folder, submitted, attached

    def poll(self) -> int | None:
        """Return 0 for a task that left its result, else 1; None while the job is there."""
        if self._attached and type(self._submitted).__name__ == 'LocalJob':  # no child of ours
            running = Path(f'/proc/{self._submitted.job_id}').exists()
        else:
            running = not self._submitted.done()
        if running:
            return None
        return 0 if (self._folder / 'result.json').is_file() else 1

    def stop(self) -> None:
        """Do nothing: the same command finds the job again."""


class SubmititExecutor:
    """Submits tasks to SLURM, by submitit.

    Args:
        options: What submitit passes on to the scheduler (``partition``, ``account``, ``qos``,
            ``time`` in minutes, ...). ``cluster='local'`` tries it all without a scheduler.
        jobs: Tasks at a time; None: all that are ready.

    Raises:
        UserError: If submitit or SLURM isn't there.
    """

    def __init__(self, options: Mapping[str, Any], jobs: int | None = None) -> None:
        options = dict(options)
        self._cluster = options.pop('cluster', 'slurm')
        self._options = {f'slurm_{key}': value for key, value in options.items()}
        self._count = 0
        self.places = jobs or math.inf
        kinds = [str(options[key]) for key in ('partition', 'constraint') if key in options]
        self.machine = ':'.join([self._cluster, *kinds])
        # Its set-up of logging would close all log files of this process; in jobs it is wanted.
        given = 'SUBMITIT_LOG_LEVEL' in os.environ
        os.environ.setdefault('SUBMITIT_LOG_LEVEL', 'NOCONFIG')
        try:
            import submitit  # noqa: F401
        except ImportError:
            raise UserError(
                "--executor slurm needs submitit: pip install 'mmmask[slurm]'"
            ) from None
        finally:
            if not given:
                del os.environ['SUBMITIT_LOG_LEVEL']
        self._executor(Path.cwd())

    def _executor(self, folder: Path) -> Any:
        import submitit

        with explained('--executor slurm'):
            limit = {f'{self._cluster}_max_num_timeout': 1000}
            executor = submitit.AutoExecutor(folder / '%j', self._cluster, **limit)
            executor.update_parameters(slurm_srun_args=['--kill-on-bad-exit=1'], **self._options)
        return executor

    def check(self, name: str, gpus: int, nodes: int) -> None:
        """Accept every task: the scheduler knows its machines."""

    def has_room(self, gpus: int) -> bool:
        """Return True if another job may be submitted."""
        return self._count < self.places

    def environment(self, gpus: int) -> dict[str, str]:
        """Return nothing: the scheduler decides."""
        return {}

    def start(self, job: Job) -> Running:
        """Submit a task, which asks for ``gpus``, ``nodes``, ``cpus`` and ``hours``."""
        executor = self._executor(job.folder / 'jobs')
        own = dict(nodes=job.nodes, tasks_per_node=job.gpus // job.nodes, name=job.name)
        own['gpus_per_node'] = own['tasks_per_node']
        own['timeout_min'] = max(1, round(60 * (job.hours or 24)))
        if job.cpus:
            own['cpus_per_task'] = job.cpus
        before = os.environ.copy()
        os.environ.update(with_this_code(before))  # the job inherits the variables
        try:
            with explained(f'{job.name} cannot be submitted'):
                executor.update_parameters(**{**own, **self._options})
                submitted = executor.submit(Rank(job))
        finally:
            os.environ.clear()
            os.environ.update(before)
        self._count += 1
        return Submitted(job, submitted)

    def attach(self, job: Job) -> Running | None:
        """Find the job that an earlier runner has submitted, if the scheduler still has it."""
        if is_in_use(job.folder):
            raise UserError(
                'its processes run on this machine: run the suite with --executor local'
            )
        if 'job' not in (job.note or {}):
            return None
        import submitit

        kind = submitit.LocalJob if self._cluster == 'local' else submitit.SlurmJob
        folder, tasks = job.folder / 'jobs' / '%j', list(range(job.gpus))
        running = Submitted(job, kind(folder, job.note['job'], tasks), attached=True)
        if running.poll() is not None:
            return None
        self._count += 1
        return running

    def release(self, running: Running) -> None:
        """Note that a job has ended."""
        self._count -= 1
