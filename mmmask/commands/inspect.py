"""Say what a checkpoint is, where it is from, and which config it loads into.

The config is tried.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('checkpoint', help='.pth, .safetensors, or a name with a scheme')
    parser.add_argument(
        '--trust', action='store_true', help='unpickle everything, which may run code of its author'
    )


def run(args: argparse.Namespace) -> None:
    """Print the report."""
    import mmmask.registration  # noqa: F401
    from mmmask.probe.inspection import print_inspection

    print_inspection(args.checkpoint, args.trust)
