"""Make the embedded data of the demo, without a download.

A second run makes only what is missing, damaged or specified otherwise.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from functools import partial
from pathlib import Path

from mmmask.datasets.spec import MaterialScenesSpec
from mmmask.utils.errors import UserError, explained

from . import prepare_miniature


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments, one for every field of `MaterialScenesSpec`."""
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    parser.add_argument('--out', default='data/material_scenes', help='folder to write to')
    parser.add_argument('--seed', type=int, default=0, help='seed of every random choice')
    parser.add_argument(
        '--trees',
        nargs='+',
        default=['cls', 'det', 'seg'],
        choices=['cls', 'det', 'seg'],
        help='which of the three to make',
    )
    miniatures = 'also make these stand-ins for published data sets, in data/miniature/LAYOUT'
    parser.add_argument(
        '--miniatures',
        nargs='+',
        default=[],
        metavar='LAYOUT',
        choices=prepare_miniature.LAYOUTS,
        help=miniatures,
    )
    group = parser.add_argument_group('specification (see mmmask/datasets/spec.py)')
    for field in fields(MaterialScenesSpec):
        option = f'--{field.name.replace("_", "-")}'
        if isinstance(field.default, tuple):
            kind, shape = type(field.default[0]), dict(nargs=2, metavar=('LOW', 'HIGH'))
        else:
            kind, shape = type(field.default), dict(metavar='N')
        group.add_argument(option, type=kind, default=field.default, **shape)


def run(args: argparse.Namespace) -> None:
    """Write the data; the last line says what was written."""
    from mmmask.datasets.material_scenes import prepare
    from mmmask.utils.progress import Progress, print_progress

    start = time.monotonic()
    if args.seed < 0:
        raise UserError(f'--seed must not be negative, got {args.seed}')
    spec = MaterialScenesSpec(**{f.name: getattr(args, f.name) for f in fields(MaterialScenesSpec)})
    with explained(f'the data cannot be written to {args.out}'):
        trees = prepare(
            Path(args.out),
            spec,
            args.seed,
            tuple(args.trees),
            partial(Progress, interval=5, sink=print_progress),
        )
    parts = [f'{tree} {t["files"]} files ({t["written"]} written)' for tree, t in trees.items()]
    print(f'{args.out}: {", ".join(parts)}, seed {args.seed}, {time.monotonic() - start:.1f} s')
    for layout in args.miniatures:
        prepare_miniature.run(argparse.Namespace(layout=layout, out=None))
