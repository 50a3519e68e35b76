"""Test a checkpoint from the command line."""

from __future__ import annotations

import sys

from mmmask.commands.arguments import parse, test_parser
from mmmask.launch.distributed import rank_before_start
from mmmask.launch.guard import run_guarded
from mmmask.launch.test import test


def main(argv: list[str] | None = None) -> int:
    """Run the launcher; gives the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(test_parser(), argv)
    args.argv = argv
    return run_guarded(test, args, rank_before_start(args.launcher))
