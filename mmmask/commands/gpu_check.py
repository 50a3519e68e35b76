"""Try on a GPU what trainings do there, and measure their steps.

Each check has a process of its own. The table goes to the work dir, too.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from mmmask.commands.arguments import positive
from mmmask.utils.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add('--work-dir', default='work_dirs/gpu_check', help='[work_dirs/gpu_check]')
    add('--device', choices=['cuda', 'cpu'], default='cuda', help='cpu: what has a form there')
    add('--tiny', action='store_true', help="the demo's networks in the place of ViT-S and ViT-B")
    add('--only', nargs='+', metavar='CHECK', help='checks to make [all]')
    batch = 'largest batch of a measured step, halved until it fits [64]'
    add('--batch-size', type=positive, default=64, metavar='N', help=batch)
    add('--steps', type=positive, default=10, metavar='N', help='measured steps [10]')


def run(args: argparse.Namespace) -> int:
    """Make the checks and print their table; return 1 if one failed."""
    import torch

    import mmmask.registration  # noqa: F401
    from mmmask.timing import gpu_check
    from mmmask.utils.files import write_json, write_text_atomically
    from mmmask.utils.progress import print_progress

    if args.device == 'cuda' and not torch.cuda.is_available():
        raise UserError('there is no GPU: --device cpu --tiny makes the checks that a CPU can.')
    if unknown := [name for name in args.only or () if name not in gpu_check.CHECKS]:
        raise UserError(f"there is no check '{unknown[0]}': {', '.join(gpu_check.CHECKS)}.")
    folder = Path(args.work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    setting = gpu_check.Setting(args.device, args.tiny, args.batch_size, args.steps)
    outcomes = []
    for name in args.only or gpu_check.CHECKS:
        print_progress(f'{name} ...')
        outcomes.append(gpu_check.run_apart(name, setting))
        write_text_atomically(folder / 'table.txt', gpu_check.table(outcomes) + '\n')
        write_json(folder / 'result.json', [asdict(outcome) for outcome in outcomes])
    print(gpu_check.table(outcomes))
    return int(any(outcome.state == 'fail' for outcome in outcomes))
