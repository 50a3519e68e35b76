"""Show block by block that a config's backbone computes what a checkpoint's network does.

The config's model is built and initialised from the checkpoint. Its features are compared with
those of timm's model with the file's tensors or, where timm has none, of the class in the file's
config.
"""

from __future__ import annotations

import argparse

from mmmask.commands.arguments import add_cfg_options, add_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument('checkpoint', help='the file for its backbone')
    parser.add_argument('--image', metavar='FILE', help='an image to look at [noise]')
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print the comparison."""
    import mmmask.registration  # noqa: F401
    from mmmask.probe.proof import print_proof

    print_proof(args.config, args.checkpoint, args.cfg_options, args.image)
