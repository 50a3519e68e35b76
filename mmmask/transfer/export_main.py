"""What ``tools/export_backbone.py`` does."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmask.launch.arguments import run_tool

from .checkpoint import read_checkpoint
from .export import TARGETS, export_backbone
from .formats import SOURCES


def build_parser() -> argparse.ArgumentParser:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        'export_backbone.py', description="Write a checkpoint's backbone for another library."
    )
    parser.add_argument('checkpoint', help='any that this project reads')
    parser.add_argument('--to', required=True, choices=TARGETS)
    parser.add_argument(
        '--out', required=True, type=Path, metavar='FILE', help='new .safetensors or .pth file'
    )
    parser.add_argument(
        '--source', choices=SOURCES, default='auto', help='[the teacher where there is one]'
    )
    parser.add_argument(
        '--heads', type=int, metavar='N', help="attention heads, if the file doesn't tell"
    )
    parser.add_argument(
        '--trust', action='store_true', help='unpickle everything, which may run code of its author'
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    return run_tool(build_parser(), run, argv)


def run(args: argparse.Namespace) -> None:
    """Export, and say what was written."""
    checkpoint = read_checkpoint(args.checkpoint, trust=args.trust)
    done = export_backbone(checkpoint, args.source, args.to, args.out, args.heads)
    print(f'{done.path}: {done.count} tensors by {done.dialect}, read back equal')
    if done.config is not None:
        print(f'{done.config}: the model for from_pretrained')
