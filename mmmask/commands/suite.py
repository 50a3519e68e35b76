"""Run a suite of trainings and tests, and report on it.

The same command goes on with a suite that was interrupted. Data and weights are found from the
current folder.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import positive

if TYPE_CHECKING:
    from mmmask.benchmark.executors import LocalExecutor, SubmititExecutor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add('suite', help="a suite's file, or an installed package's: mmmask::suites/demo.py")
    add('--work-dir', required=True, metavar='DIR', help='where everything goes')
    add('--demo', action='store_true', help='the same tasks with small networks on embedded data')
    seeds = "seeds of each arm of the suite's tables: 0 to N - 1 [as the suite says]"
    add('--seeds', type=positive, metavar='N', help=seeds)
    given = "checkpoints of the tables' arms that you have"
    add('--set', nargs='+', default=[], metavar='ARM=FILE', help=given)
    jobs = (
        'processes at a time [one for each GPU; without, one for each core up to 2]; with slurm: '
    )
    add('--jobs', type=int, metavar='N', help=f'{jobs}tasks at a time [all]')
    only = 'these tasks and what they need'
    add('--only', nargs='+', default=[], metavar='NAME', help=only)
    keep_going = "go on with what doesn't depend on a failed task"
    add('--keep-going', action='store_true', help=keep_going)
    add('--executor', choices=['local', 'slurm'], default='local', help='where tasks run [local]')
    slurm = (
        'for the scheduler: partition=gpu account=x time=MINUTES ...; cluster=local tries it here'
    )
    add('--slurm', nargs='+', default=[], metavar='KEY=VALUE', help=slurm)
    gpus = 'processes of each task at most [what its protocol states]'
    add('--gpus', type=positive, metavar='N', help=gpus)
    fit = 'what keeps trainings on another number of processes comparable: larger batches, more '
    add('--fit', choices=['batch', 'accumulate', 'rates'], help=fit + 'iterations a step, rates')
    plan = 'show needs, data, weights, expected time and commands, and run nothing'
    add('--dry-run', action='store_true', help=plan)
    measure = 'with --dry-run: time a few steps of each pre-training of which nothing is known'
    add('--measure', action='store_true', help=measure)
    add('--report-only', action='store_true', help='report on the results that are there')


def run(args: argparse.Namespace) -> int:
    """Run, plan or report; return the exit status."""
    from mmmask.benchmark.process import Interrupted

    try:
        return _run(args)
    except Interrupted as name:
        print(f'stopped by {name}: the same command continues', file=sys.stderr)
        return 128 + signal.Signals[str(name)]


def _run(args: argparse.Namespace) -> int:
    start, say = time.monotonic(), partial(print, flush=True)
    executor = _executor(args)  # its forks import the mm packages while this process does

    import mmmask.registration  # noqa: F401
    from mmmask.benchmark.fit import Fit, fit_suite
    from mmmask.benchmark.runner import SuiteFailed, SuiteRunner
    from mmmask.benchmark.suite import load_suite
    from mmmask.reports.figures import check_figures
    from mmmask.reports.report import write_report
    from mmmask.utils.text import in_words

    work_dir = Path(args.work_dir).resolve()
    suite = load_suite(
        args.suite,
        Path.cwd(),
        given=_pairs('--set', 'ARM=FILE', args.set),
        seeds=range(args.seeds) if args.seeds else None,
        demo=args.demo,
    )
    suite = fit_suite(suite, args.gpus, Fit(args.fit) if args.fit else None)
    check_figures(suite)
    runner = SuiteRunner(suite, work_dir, executor, args.keep_going, say=say)
    if args.dry_run:
        from mmmask.benchmark.plan import describe_plan

        print(describe_plan(runner, args.only, args.measure))
        return 0
    failure = None
    if not args.report_only:
        try:
            runner.run(args.only)
        except SuiteFailed as error:
            if not args.keep_going:
                raise
            failure = error
    runner.check()
    report, missing_figures = write_report(suite, work_dir)
    for missing in missing_figures:
        print(f'warning: {missing}', file=sys.stderr)
    say((work_dir / 'table.md').read_text())
    say(f'report: {report} ({in_words(time.monotonic() - start)} in all)')
    if failure:
        raise failure
    return 1 if missing_figures else 0


def _executor(args: argparse.Namespace) -> LocalExecutor | SubmititExecutor:
    """Return what starts the processes of tasks."""
    from mmmask.benchmark.executors import LocalExecutor, SubmititExecutor
    from mmmask.benchmark.process import make_slots
    from mmmask.utils.cores import available_cores

    if args.executor == 'slurm':
        return SubmititExecutor(_slurm_options(args.slurm), args.jobs)
    gpus = _gpus()
    forks = not (gpus or args.dry_run or args.report_only) and sys.platform == 'linux'
    return LocalExecutor(make_slots(args.jobs, available_cores(), gpus), forks)


def _pairs(name: str, form: str, words: list[str]) -> dict[str, str]:
    """Read words that have a ``=``."""
    from mmmask.utils.errors import UserError

    if wrong := [word for word in words if '=' not in word]:
        raise UserError(f'{name} takes {form}, got {wrong[0]!r}')
    return dict(word.split('=', 1) for word in words)


def _slurm_options(words: list[str]) -> dict[str, str | int]:
    """Read ``KEY=VALUE``, numbers as numbers."""
    pairs = _pairs('--slurm', 'KEY=VALUE', words)
    return {key: int(value) if value.isdecimal() else value for key, value in pairs.items()}


def _gpus() -> list[str]:
    """Return names of the visible GPUs for ``CUDA_VISIBLE_DEVICES``."""
    import torch

    named = [name for name in os.environ.get('CUDA_VISIBLE_DEVICES', '').split(',') if name]
    return named[: torch.cuda.device_count()] or [str(i) for i in range(torch.cuda.device_count())]
