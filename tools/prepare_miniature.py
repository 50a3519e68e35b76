"""Make a miniature of a published data set, in its layout on disk, without a download.

    python tools/prepare_miniature.py LAYOUT [--out FOLDER]

The folder is what configs call data_root. A second run makes only what is missing or damaged.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def build_parser() -> argparse.ArgumentParser:
    """Options of the command line."""
    from mmmask.datasets.miniatures import LAYOUTS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('layout', choices=list(LAYOUTS), help='the data set')
    parser.add_argument(
        '--out', metavar='FOLDER', help='folder to write to [data/miniature/LAYOUT]'
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    from mmmask.commands.arguments import run_tool

    return run_tool(build_parser(), run, argv)


def run(args: argparse.Namespace) -> None:
    """Write the miniature."""
    from mmmask.datasets.miniatures import write_miniature
    from mmmask.utils.errors import explained

    folder = Path(args.out or f'data/miniature/{args.layout}')
    start = time.monotonic()
    with explained(f'the miniature cannot be written to {folder}'):
        write_miniature(args.layout, folder)
    print(f'{folder}: a miniature of {args.layout}, {time.monotonic() - start:.1f} s')


if __name__ == '__main__':
    sys.exit(main())
