"""The command lines of the two launchers."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from mmmask.config.options import OptionAction
from mmmask.launch.guard import run_guarded


def train_parser() -> argparse.ArgumentParser:
    """Options of ``tools/train.py``."""
    parser = argparse.ArgumentParser(
        'train.py', description='Train any mmpretrain, mmdet or mmseg config.'
    )
    _add_config(parser)
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
    _add_common(parser)
    return parser


def test_parser() -> argparse.ArgumentParser:
    """Options of ``tools/test.py``."""
    parser = argparse.ArgumentParser(
        'test.py', description='Test any mmpretrain, mmdet or mmseg config.'
    )
    _add_config(parser)
    parser.add_argument(
        'checkpoint',
        help='file with the weights, which must fit completely; for a config of frozen features '
        "any pre-training checkpoint; 'none' for an untrained network",
    )
    _add_common(parser)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'config', help="a file, or an installed package's: mmdet::..., mmseg::..., mmpretrain::..."
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--work-dir', help="where logs, checkpoints and result.json go [work_dirs/<config's name>]"
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision; needs a GPU')
    parser.add_argument(
        '--seed', type=_seed, help="seed of everything random, instead of the config's"
    )
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    _add_debug(parser)
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)


def add_cfg_options(
    parser: argparse.ArgumentParser, example: str = 'model.backbone.drop_path_rate=0.2'
) -> None:
    """``--cfg-options`` of every tool that takes a config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionAction,
        default={},
        metavar='KEY=VALUE',
        help=f'change values of the config: {example}; lists as key="[a,b]", dicts as '
        'key="dict(a=1)"',
    )


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')


def run_tool(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], None],
    argv: list[str] | None,
) -> int:
    """Run a tool of one process, with ``--debug`` added to its options; gives the exit status."""
    _add_debug(parser)
    return run_guarded(run, parse(parser, argv), rank=0)


def parse(parser: argparse.ArgumentParser, argv: list[str] | None) -> argparse.Namespace:
    """Parse, and hand a launcher's ``--local-rank`` on to the environment."""
    try:
        args = parser.parse_args(argv)
    except ValueError as error:
        parser.error(f'--cfg-options takes KEY=VALUE, several separated by spaces ({error})')
    if getattr(args, 'local_rank', None) is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**31:
        raise argparse.ArgumentTypeError(f'must be from 0 to 2147483647, got {text}')
    return seed
