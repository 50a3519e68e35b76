"""Arguments that several commands take, and their types."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmmask.launch.prepare import Request


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument for a config."""
    parser.add_argument(
        'config',
        help="a file, or an installed package's: mmmask::..., mmdet::..., mmseg::..., "
        'mmpretrain::...',
    )


def add_cfg_options(
    parser: argparse.ArgumentParser, example: str = 'model.backbone.drop_path_rate=0.2'
) -> None:
    """Add ``--cfg-options``, as every command that reads a config has them."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_CfgOptions,
        default={},
        metavar='KEY=VALUE',
        help=f'change values of the config: {example}; lists as key="[a,b]", dicts as '
        'key="dict(a=1)"',
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add what training and testing have in common."""
    parser.add_argument(
        '--work-dir', help="where logs, checkpoints and result.json go [work_dirs/<config's name>]"
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision; needs a GPU')
    parser.add_argument('--seed', type=seed, help="seed of everything random [the config's]")
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)


def read_request(args: argparse.Namespace) -> Request:
    """Return the request of a run; hand an old launcher's ``--local-rank`` to the environment."""
    from mmmask.launch.prepare import Request

    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return Request(
        config=args.config,
        command=args.command_line,
        work_dir=args.work_dir,
        amp=args.amp,
        seed=args.seed,
        options=args.cfg_options,
        launcher=args.launcher,
    )


class _CfgOptions(argparse.Action):
    """Read ``KEY=VALUE`` as mmengine does; mmengine is imported when there is something to read."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: list[str],
        option_string: str | None = None,
    ) -> None:
        from mmmask.config.options import read_options

        try:
            options = read_options(values, getattr(namespace, self.dest) or None)
        except (AssertionError, ValueError) as error:
            parser.error(f'--cfg-options takes KEY=VALUE, several separated by spaces ({error})')
        setattr(namespace, self.dest, options)


def positive(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be a positive number, got {text!r}')
    return int(text)


def number_or_all(text: str) -> int | None:
    """Read a number; 0 stands for all and gives None."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'must be a number, 0 for all, got {text!r}')
    return int(text) or None


def seed(text: str) -> int:
    """Read a random seed."""
    if not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f'must be from 0 to 2147483647, got {text!r}')
    return int(text)


def head(text: str) -> int | str:
    """Read the number of an attention head, or ``'sum'`` for the sum over heads."""
    if text == 'sum':
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or 'sum', got {text!r}") from None


def share(text: str) -> float:
    """Read a number between 0 and 1, both excluded."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f'must be between 0 and 1, got {text!r}')
    return value
