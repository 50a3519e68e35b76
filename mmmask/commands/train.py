"""Train any mmpretrain, mmdet or mmseg config."""

from __future__ import annotations

import argparse

from mmmask.commands.arguments import add_config, add_run, read_request


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint; without a path from the last one in the work dir, '
        'or from the start if there is none yet',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the batch size of all processes, divided by '
        "the config's auto_scale_lr.base_batch_size",
    )
    add_run(parser)


def run(args: argparse.Namespace) -> None:
    """Train and write ``result.json``."""
    from mmmask.launch.train import train

    train(read_request(args), args.resume, args.auto_scale_lr)
