"""Write a checkpoint's backbone for another library."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from mmmask.commands.arguments import positive

SOURCES = ('auto', 'teacher', 'student')
TARGETS = ('mmpretrain', 'timm', 'huggingface', 'dino')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('checkpoint', help='any that this project reads')
    parser.add_argument('--to', required=True, choices=TARGETS)
    parser.add_argument(
        '--out',
        required=True,
        type=Path,
        metavar='PATH',
        help='new .safetensors or .pth file; for huggingface a folder',
    )
    parser.add_argument(
        '--source',
        choices=SOURCES,
        default='auto',
        help="which backbone of a file with two [the one that its method's authors evaluate]",
    )
    parser.add_argument(
        '--heads', type=positive, metavar='N', help="attention heads, if the file doesn't tell"
    )
    parser.add_argument(
        '--grid',
        type=_grid,
        metavar='ROWSxCOLUMNS',
        help="of position embeddings that are no square, if the file doesn't tell",
    )
    parser.add_argument(
        '--trust',
        action='store_true',
        help='unpickle everything, which may run code of its author; with --to mmpretrain, a file '
        'without a ViT, BEiT or Swin is written as a whole',
    )


def run(args: argparse.Namespace) -> None:
    """Export, and say what was written."""
    from mmmask.transfer.checkpoint import read_checkpoint
    from mmmask.transfer.export import export_backbone
    from mmmask.transfer.formats import group_names

    checkpoint = read_checkpoint(args.checkpoint, trust=args.trust)
    done = export_backbone(
        checkpoint, args.source, args.to, args.out, args.heads, args.grid, or_whole=args.trust
    )
    if done.naming is None:
        names = f'their own names, all that the file has ({done.why_whole.rstrip(".")})'
    else:
        names = done.naming.name
    print(f'{done.path}: {len(done.tensors)} tensors by {names}, read back equal')
    if done.left:
        print(f'left behind: {len(done.left)} ({", ".join(group_names(done.left))})')
    if done.activation is not None:
        print(f'its activation is {done.activation}: no tensor shows it, so set it in the network')
    if done.config is not None:
        (model,) = done.config['architectures']
        options = ', add_pooling_layer=False' if model == 'ViTModel' else ''
        print(f"read it with {model}.from_pretrained('{done.path.parent}'{options})")


def _grid(text: str) -> tuple[int, int]:
    match = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if match is None:
        raise argparse.ArgumentTypeError(f'must be like 14x28, got {text!r}')
    return int(match[1]), int(match[2])
