"""Train a config from the command line."""

from __future__ import annotations

import sys

from mmmask.commands.arguments import parse, train_parser
from mmmask.launch.distributed import rank_before_start
from mmmask.launch.guard import run_guarded
from mmmask.launch.train import train


def main(argv: list[str] | None = None) -> int:
    """Run the launcher; gives the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse(train_parser(), argv)
    args.argv = argv
    return run_guarded(train, args, rank_before_start(args.launcher))
