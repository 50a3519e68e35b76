"""Run a suite of trainings and tests, and report on it.

The same command goes on with a suite that was interrupted. Data and weights are found from the
current folder.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from functools import partial
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add('suite', help="a suite's file, or an installed package's: mmmask::suites/demo.py")
    add('--work-dir', required=True, metavar='DIR', help='where everything goes')
    jobs = 'tasks at a time [one for each GPU; without, one for each core up to 2]'
    add('--jobs', type=int, metavar='N', help=jobs)
    only = 'these tasks and what they need'
    add('--only', nargs='+', default=[], metavar='NAME', help=only)
    keep_going = "go on with what doesn't depend on a failed task"
    add('--keep-going', action='store_true', help=keep_going)
    add('--dry-run', action='store_true', help='say what would run, and run nothing')
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
    import mmmask.registration  # noqa: F401
    from mmmask.benchmark.estimate import in_words
    from mmmask.benchmark.figures import check_figures
    from mmmask.benchmark.process import make_slots
    from mmmask.benchmark.report import write_report
    from mmmask.benchmark.runner import SuiteFailed, SuiteRunner
    from mmmask.benchmark.suite import load_suite
    from mmmask.utils.cores import available_cores

    start, say = time.monotonic(), partial(print, flush=True)
    work_dir = Path(args.work_dir).resolve()
    suite = load_suite(args.suite, Path.cwd())
    check_figures(suite)
    slots = make_slots(args.jobs, available_cores(), _gpus())
    runner = SuiteRunner(suite, work_dir, slots, args.keep_going, say=say)
    if args.dry_run:
        for task, what, command in runner.plan(args.only):
            print(f'{task.name}: {what}\n    {shlex.join(command)}')
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


def _gpus() -> list[str]:
    """Return names of the visible GPUs for ``CUDA_VISIBLE_DEVICES``."""
    import torch

    named = [name for name in os.environ.get('CUDA_VISIBLE_DEVICES', '').split(',') if name]
    return named[: torch.cuda.device_count()] or [str(i) for i in range(torch.cuda.device_count())]
