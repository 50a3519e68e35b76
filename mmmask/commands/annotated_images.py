"""What the two command lines share."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmask.analysis.network import SOURCES, Network
from mmmask.analysis.object_patches import ObjectPatches
from mmmask.commands.argument_types import positive
from mmmask.utils.errors import UserError


def add_common(parser: argparse.ArgumentParser) -> None:
    """The network, the annotated images and where results go."""
    parser.add_argument('config', help='a config with a ViT as model.backbone, as of pre-training')
    parser.add_argument(
        'checkpoint', help="any pre-training's checkpoint, or 'none' for an untrained network"
    )
    parser.add_argument(
        '--annotations', required=True, metavar='JSON', help='objects with masks, in COCO format'
    )
    parser.add_argument('--images', required=True, metavar='DIR', help='folder of their images')
    parser.add_argument('--out', required=True, metavar='DIR', help='where the results go')
    parser.add_argument(
        '--source', choices=SOURCES, default='auto', help='[the teacher where there is one]'
    )
    parser.add_argument(
        '--size',
        type=positive,
        metavar='N',
        help="images are stretched to N x N pixels [the backbone's img_size]",
    )
    parser.add_argument('--seed', type=_seed, default=0, metavar='S', help='of what is drawn [0]')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')


def prepare(
    args: argparse.Namespace, limit: int | None, seed: int | None
) -> tuple[Network, ObjectPatches, Path]:
    """The network, the images at its size, and the folder of the results.

    Raises:
        UserError: If one of them can't be had.
    """
    network = Network(
        args.config, args.checkpoint, args.source, args.size, args.device, seed=args.seed
    )
    images = ObjectPatches(args.annotations, args.images, network.size, network.grid, limit, seed)
    out = Path(args.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: '{out}' can't be a folder ({error.strerror}).") from error
    return network, images, out


def settings(args: argparse.Namespace, network: Network) -> dict:
    """What a results file says about where its numbers are from."""
    given = {key: value for key, value in vars(args).items() if key not in _NOT_SETTINGS}
    return dict(given, source=network.source, size=network.size, grid=list(network.grid))


_NOT_SETTINGS = ('debug', 'out', 'local_rank', 'prepared', 'device')


def share(text: str) -> float:
    """A number in (0, 1)."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f'must be between 0 and 1, got {text!r}')
    return value


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f'must be from 0 to 2147483647, got {text!r}')
    return int(text)
