"""``mmmask verify``."""

from __future__ import annotations

import argparse

from mmmask.commands.arguments import add_cfg_options, add_config

SUMMARY = (
    "Build a config's model, initialise it from a checkpoint, and show block by block that its "
    "backbone computes what timm's model computes with the file's tensors (or, where timm has "
    'none, its own class as the config in the file builds it).'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument('checkpoint', help='the file for its backbone')
    parser.add_argument('--image', metavar='FILE', help='an image to look at [noise]')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print the comparison."""
    import mmmask.registration  # noqa: F401
    from mmmask.transfer.proof import print_proof

    print_proof(args.config, args.checkpoint, args.cfg_options, args.image)
