"""What ``tools/export_backbone.py`` does."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from mmmask.commands.argument_types import positive
from mmmask.commands.arguments import run_tool
from mmmask.transfer.checkpoint import read_checkpoint
from mmmask.transfer.export import TARGETS, export_backbone
from mmmask.transfer.formats import SOURCES, group_names


def build_parser() -> argparse.ArgumentParser:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        'export_backbone.py', description="Write a checkpoint's backbone for another library."
    )
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
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    return run_tool(build_parser(), run, argv)


def run(args: argparse.Namespace) -> None:
    """Export, and say what was written."""
    checkpoint = read_checkpoint(args.checkpoint, trust=args.trust)
    done = export_backbone(
        checkpoint, args.source, args.to, args.out, args.heads, args.grid, or_whole=args.trust
    )
    if done.dialect is None:
        names = f'their own names, all that the file has ({done.why_whole.rstrip(".")})'
    else:
        names = done.dialect
    print(f'{done.path}: {done.count} tensors by {names}, read back equal')
    if done.left:
        print(f'left behind: {len(done.left)} ({", ".join(group_names(done.left))})')
    if done.model:
        options = ', add_pooling_layer=False' if done.model == 'ViTModel' else ''
        print(f"read it with {done.model}.from_pretrained('{done.path.parent}'{options})")


def _grid(text: str) -> tuple[int, int]:
    match = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if match is None:
        raise argparse.ArgumentTypeError(f'must be like 14x28, got {text!r}')
    return int(match[1]), int(match[2])
