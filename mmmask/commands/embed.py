"""Write the features of a config's test images, and their file names, to a file.

The config is one of configs/frozen or configs/demo. Another data set is a --cfg-options.
"""

from __future__ import annotations

import argparse

from mmmask.commands.arguments import add_config, add_run, positive, read_request

TOKENS = ('cls', 'gap', 'gap_normed', 'patches')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument(
        'checkpoint', help="any pre-training checkpoint; 'none' for an untrained network"
    )
    parser.add_argument(
        '--out',
        required=True,
        metavar='FILE',
        help='new .safetensors file; the names go to a .txt beside it, one a line',
    )
    token = "cls; gap, the mean patch before a ViT's final norm; gap_normed, behind it [cls]"
    parser.add_argument('--token', choices=TOKENS, default='cls', help=token)
    layer = 'block, negative from the end [-1]'
    parser.add_argument('--layer', type=int, default=-1, metavar='N', help=layer)
    blocks = 'concatenate N blocks, of which --layer is the last [1]'
    parser.add_argument('--n-blocks', type=positive, default=1, metavar='N', help=blocks)
    source = 'network of a self-distillation [the teacher]'
    parser.add_argument(
        '--source', choices=('auto', 'teacher', 'student'), default='auto', help=source
    )
    add_run(parser)


def run(args: argparse.Namespace) -> None:
    """Compute the features, or read those that are kept, and write them."""
    from mmmask.evaluation.loops.embed_loop import check_new
    from mmmask.launch.test import test

    check_new(args.out)
    names = ('out', 'token', 'layer', 'n_blocks', 'source')
    loop = dict(type='EmbedLoop', **{name: getattr(args, name) for name in names})
    args.cfg_options = {
        **args.cfg_options,
        'test_cfg': dict(loop, _delete_=True),
        'test_evaluator': [],
    }
    args.work_dir = args.work_dir or 'work_dirs/embed'
    test(read_request(args), None if args.checkpoint == 'none' else args.checkpoint)
