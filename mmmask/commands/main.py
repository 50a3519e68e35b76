"""Reads the command line, runs the command, and prints a user's mistake as one line."""

from __future__ import annotations

import argparse
import gc
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from mmmask.utils.errors import UserError, one_line
from mmmask.version import __version__

COMMANDS = (
    *('train', 'test', 'embed', 'suite', 'report', 'check-data', 'inspect', 'verify', 'export'),
    *('visualize', 'coverage', 'select-head', 'time-step', 'time-loader', 'gpu-check'),
    *('prepare-demo', 'prepare-miniature'),
)
"""Names of the sub-commands; each has a module in this package."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``mmmask COMMAND ...``.

    Args:
        argv: Words after ``mmmask``; None: those of this process.

    Returns:
        The exit status: 0, or 1 after a line that says what is wrong.
    """
    parser = argparse.ArgumentParser(
        'mmmask',
        description='Pre-train with attention-guided masks and measure what transfers.',
        epilog='mmmask COMMAND --help shows the arguments of a command.',
    )
    parser.add_argument('--version', action='version', version=f'mmmask {__version__}')
    commands = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for name in COMMANDS:
        module = import_module(f'mmmask.commands.{name.replace("-", "_")}')
        summary = module.__doc__.splitlines()[0]
        command = commands.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(command)
        debug = 'show the traceback of a mistake, too'
        command.add_argument('--debug', action='store_true', help=debug)
        command.set_defaults(run=module.run)
    words = sys.argv[1:] if argv is None else list(argv)
    args = parser.parse_args(words)
    args.command_line = shlex.join(['mmmask', *words])
    return _run(args)


def run_command(name: str, argv: Sequence[str] | None = None) -> int:
    """Run one sub-command by its name: ``run_command('train', [CONFIG])``."""
    return main([name, *(sys.argv[1:] if argv is None else argv)])


def _run(args: argparse.Namespace) -> int:
    """Run the parsed command; a `UserError` becomes one line and exit status 1."""
    gc.set_threshold(50_000, 20, 100)  # imports make hundreds of thousands of objects, all to stay
    try:
        status = args.run(args) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # by a reader that has enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        return 1
    except UserError as error:
        if args.debug:
            traceback.print_exc()
        if getattr(args, 'launcher', 'none') == 'none':
            print(f'error: {one_line(error)}', file=sys.stderr, flush=True)
        else:
            from mmmask.launch.processes import report_error

            report_error(error, args.launcher)
        return 1
