"""Make the material scenes: the embedded data of the demo, without a download.

    python tools/prepare_demo_data.py [--out DIR] [--seed N] [--trees cls det seg] [--cls-train
    100] ...

A second run checks what is there and makes only what is missing, damaged or specified otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

DEFAULT_OUT = 'data/material_scenes'


def build_parser() -> argparse.ArgumentParser:
    """Options: one for every field of `MaterialScenesSpec`."""
    from mmmask.datasets.spec import MaterialScenesSpec

    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument('--out', default=DEFAULT_OUT, help='folder to write to')
    parser.add_argument('--seed', type=int, default=0, help='seed of every random choice')
    parser.add_argument(
        '--trees',
        nargs='+',
        default=['cls', 'det', 'seg'],
        choices=['cls', 'det', 'seg'],
        help='which of the three to make',
    )
    group = parser.add_argument_group('specification (see mmmask/datasets/spec.py)')
    for field in fields(MaterialScenesSpec):
        option = f'--{field.name.replace("_", "-")}'
        if isinstance(field.default, tuple):
            kind = type(field.default[0])
            group.add_argument(
                option, nargs=2, type=kind, default=field.default, metavar=('LOW', 'HIGH')
            )
        else:
            group.add_argument(option, type=type(field.default), default=field.default, metavar='N')
    return parser


def main(argv: list[str] | None = None) -> int:
    """Prepare the data; exit status 0, or 1 after one line that says what is wrong."""
    from mmmask.datasets.material_scenes import ProgressLine, prepare
    from mmmask.datasets.spec import MaterialScenesSpec
    from mmmask.utils.errors import UserError

    args = vars(build_parser().parse_args(argv))
    out, seed, trees = Path(args.pop('out')), args.pop('seed'), tuple(args.pop('trees'))
    start = time.monotonic()
    try:
        if seed < 0:
            raise UserError(f'--seed must not be negative, got {seed}')
        summary = prepare(out, MaterialScenesSpec(**args), seed, trees, ProgressLine())
    except (UserError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    parts = [f'{tree} {s["files"]} files ({s["written"]} written)' for tree, s in summary.items()]
    print(f'{out}: {", ".join(parts)}, seed {seed}, {time.monotonic() - start:.1f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
