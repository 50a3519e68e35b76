"""Arguments that several commands take, and their types."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmmask.launch.prepare import Request


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument for a config."""
    packages = 'mmmask::..., mmdet::..., mmseg::..., mmpretrain::...'
    parser.add_argument('config', help=f"a file, or an installed package's: {packages}")


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
    add = parser.add_argument
    work_dir = "where logs, checkpoints and result.json go [work_dirs/<config's name>]"
    add('--work-dir', help=work_dir)
    add_amp(parser)
    add_compile(parser)
    add('--seed', type=seed, help="seed of everything random [the config's]")
    add_cfg_options(parser)
    add('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    add('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)


def add_amp(parser: argparse.ArgumentParser) -> None:
    """Add ``--amp``."""
    parser.add_argument(
        '--amp',
        nargs='?',
        const='auto',
        choices=['auto', 'bf16', 'fp16'],
        help='mixed precision; auto, as bare: bf16 where the device has it, else fp16',
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``; `mmmask.utils.device.pick_device` reads it."""
    what = '[cuda where there is a GPU, else cpu]'
    parser.add_argument('--device', choices=['cpu', 'cuda'], help=what)


def add_compile(parser: argparse.ArgumentParser) -> None:
    """Add ``--compile``."""
    what = 'compile transformer blocks, each by itself: the first steps take minutes'
    parser.add_argument('--compile', action='store_true', help=what)


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
        compile=args.compile,
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


def _type(read: Callable, fits: Callable[..., bool], words: str) -> Callable:
    """Make the type of an argument: how its text is read, and which values fit."""

    def read_value(text: str) -> object:
        try:
            value = read(text)
            if fits(value):
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f'must be {words}, got {text!r}')

    return read_value


positive = _type(int, lambda n: n >= 1, 'a positive number')
number = _type(int, lambda n: n >= 0, 'a number, 0 or more')
seed = _type(int, lambda n: 0 <= n < 2**31, 'from 0 to 2147483647')
share = _type(float, lambda x: 0 < x < 1, 'between 0 and 1')
ratio = _type(float, lambda x: 0 <= x <= 1, 'from 0 to 1')
head = _type(lambda text: text if text == 'sum' else int(text), lambda _: True, "a number or 'sum'")
"""The number of an attention head, or ``'sum'`` for the sum over heads."""


def number_or_all(text: str) -> int | None:
    """Read a number; 0 stands for all and gives None."""
    return _type(int, lambda n: n >= 0, 'a number, 0 for all')(text) or None
