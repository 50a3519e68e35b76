"""One line for a mistake of the user's, a traceback for one of ours."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable

from mmmask.launch.distributed import leave_together
from mmmask.utils.errors import JointError, UserError, one_line


def run_guarded(
    run: Callable[[argparse.Namespace], None], args: argparse.Namespace, rank: int
) -> int:
    """Run a launcher and turn a :class:`UserError` into one line and an exit status.

    Args:
        run: The launcher.
        args: Its options; ``args.debug`` keeps the traceback, ``args.prepared`` says that the
            checks have passed.
        rank: This process's rank: rank 0 reports, the others only when they may be alone with their
            error.

    Returns:
        0, or 1 after an error.
    """
    args.prepared = False
    try:
        run(args)
    except UserError as error:
        if args.debug:
            traceback.print_exc()
        if rank == 0:
            print(f'error: {one_line(error)}', file=sys.stderr, flush=True)
        if isinstance(error, JointError):
            # After that line: the launcher ends them all at the first exit.
            if leave_together():
                exit_at_once(1)
        elif rank > 0:
            time.sleep(3)  # where all have found the same, rank 0 says it and the launcher ends us
            if args.prepared:
                print(f'error (process {rank}): {one_line(error)}', file=sys.stderr, flush=True)
        return 1
    return 0


def exit_at_once(status: int) -> None:
    """Exit past the interpreter's tidying up: what is left of the communication of several
    processes aborts it now and then."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
