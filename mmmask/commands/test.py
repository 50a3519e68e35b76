"""Test a checkpoint by any mmpretrain, mmdet or mmseg config."""

from __future__ import annotations

import argparse

from mmmask.commands.arguments import add_config, add_run, read_request


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument(
        'checkpoint',
        help='file with the weights, which must fit completely; for a config of frozen features '
        "any pre-training checkpoint; 'none' for an untrained network",
    )
    add_run(parser)


def run(args: argparse.Namespace) -> None:
    """Test and write ``result.json``."""
    from mmmask.launch.test import test

    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    test(read_request(args), checkpoint)
