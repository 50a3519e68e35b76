"""Make a small stand-in for a published data set, in its layout, without a download.

The folder is what configs call data_root. A second run makes only what is missing or damaged.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from mmmask.utils.errors import explained

LAYOUTS = (
    *('imagenet', 'coco', 'ade20k', 'cityscapes', 'voc2012', 'cifar10', 'cifar100'),
    *('flowers102', 'inaturalist2018', 'inaturalist2019'),
    *('roxford5k', 'rparis6k', 'cub200', 'cars196', 'sop', 'inshop', 'davis2017'),
    *('imagenet9', 'imagenet-a', 'imagenet-r', 'imagenet-sketch', 'imagenetv2', 'places205'),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('layout', choices=LAYOUTS, help='the data set')
    default = 'folder to write to [data/miniature/LAYOUT]'
    parser.add_argument('--out', metavar='FOLDER', help=default)


def run(args: argparse.Namespace) -> None:
    """Write the miniature."""
    import mmmask.compat  # noqa: F401
    from mmmask.datasets.miniatures import write_miniature

    folder = Path(args.out or f'data/miniature/{args.layout}')
    start = time.monotonic()
    with explained(f'the miniature cannot be written to {folder}'):
        write_miniature(args.layout, folder)
    print(f'{folder}: a miniature of {args.layout}, {time.monotonic() - start:.1f} s')
