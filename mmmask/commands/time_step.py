"""Time training steps of a pre-training config, or of two in turn.

The images are made up; no data are read.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from mmmask.commands.arguments import add_cfg_options, add_config, positive
from mmmask.utils.errors import UserError

FLOPS_SEEDS = range(4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument('--versus', metavar='CONFIG', help='the config to compare it with')
    add_cfg_options(parser)  # of both configs
    parser.add_argument(
        '--steps', type=positive, default=20, metavar='N', help='timed steps of each [20]'
    )
    parser.add_argument(
        '--warmup', type=positive, default=2, metavar='N', help='steps of each before these [2]'
    )
    parser.add_argument(
        '--batch-size', type=positive, metavar='N', help="images in a batch [the config's]"
    )
    parser.add_argument(
        '--device', choices=['cpu', 'cuda'], help='[cuda where there is a GPU, else cpu]'
    )
    parser.add_argument(
        '--flops', action='store_true', help='count floating-point operations, too (4 more steps)'
    )
    parser.add_argument(
        '--no-memory', action='store_true', help="don't measure memory (a process for each config)"
    )
    parser.add_argument('--json', metavar='FILE', help='also write the figures to a file')


def run(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    import torch

    import mmmask.registration  # noqa: F401
    from mmmask.benchmark.step_timing import (
        Step,
        compare,
        peak_memory,
        read_training,
        summary,
        time_steps,
    )

    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    if device == 'cuda' and not torch.cuda.is_available():
        raise UserError('--device cuda: there is no GPU.')
    names = [args.config, *([args.versus] if args.versus else [])]
    kwargs = dict(options=args.cfg_options, device=device, batch_size=args.batch_size)
    configs = [read_training(name, args.cfg_options) for name in names]
    sizes = [cfg.train_dataloader.batch_size for cfg in configs]
    if args.batch_size is None and len(set(sizes)) > 1:
        raise UserError(
            f'The configs have different batches ({sizes[0]} and {sizes[1]}): give --batch-size.'
        )
    steps = [Step(name, **kwargs) for name in names]
    results = [
        dict(config=name, parameters=step.parameters(), hooks=step.hooks)
        for name, step in zip(names, steps)
    ]
    if not args.no_memory:
        for name, result in zip(names, results):
            _say(f'memory of {Path(name).stem} ...')
            result['peak_memory'] = peak_memory(name, **kwargs)
    if args.flops:
        for step, result in zip(steps, results):
            _say(f'operations of {step.name} ...')
            result['flops_per_image'] = step.flops(FLOPS_SEEDS)
    durations = time_steps(steps, args.steps, args.warmup, _Progress())
    for result, seconds, step in zip(results, durations, steps):
        result.update(seconds=seconds, **summary(seconds, step.batch_size))
    report = dict(
        device=torch.cuda.get_device_name() if device == 'cuda' else 'cpu',
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        batch_size=steps[0].batch_size,
        cfg_options=args.cfg_options,
        results=results,
    )
    if args.versus:
        report['ratios'] = compare(*durations)
    print(table(report), flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=1) + '\n')


def table(report: dict) -> str:
    """Write the figures of one or two configs side by side."""
    results = report['results']
    first = results[0]
    lines = [
        f'{report["device"]}, {report["threads"]} thread(s), torch {report["torch"]}, '
        f'batch {report["batch_size"]}, {len(first["seconds"])} steps each'
    ]
    lines += [f'{letter}: {result["config"]}' for letter, result in zip('AB', results)]
    rows = [
        ('seconds per step, median', [f'{r["median"]:.4g}' for r in results]),
        ('  quartiles', ['{:.4g} to {:.4g}'.format(*r['quartiles']) for r in results]),
        ('images per second', [f'{r["images_per_s"]:.4g}' for r in results]),
        (
            'million parameters, trained / all',
            ['{trained:.2f} / {all:.2f}'.format(**_millions(r['parameters'])) for r in results],
        ),
    ]
    if 'peak_memory' in first:
        what = 'allocated' if report['device'] != 'cpu' else 'process growth'
        peaks = [r['peak_memory'] for r in results]
        shown = ['unknown' if peak is None else f'{peak / 2**20:.0f}' for peak in peaks]
        rows.append((f'peak memory, MiB ({what})', shown))
    if 'flops_per_image' in first:
        for key, label in (('forward', 'forward'), ('step', 'forward and backward')):
            values = [r['flops_per_image'][key] for r in results]
            versus = f'   A / B = {values[0] / values[1]:.3f}' if len(values) == 2 else ''
            rows.append((f'GFLOPs per image, {label}', [f'{v / 1e9:.4g}' for v in values], versus))
    width = max(len(row[0]) for row in rows)
    heads = [f'{letter:>22}' for letter, _ in zip('AB', results)]
    lines.append(' ' * width + ''.join(heads))
    for label, cells, *versus in rows:
        lines.append(f'{label:<{width}}' + ''.join(f'{c:>22}' for c in cells) + ''.join(versus))
    for name, ratio in report.get('ratios', {}).items():
        text = 'time per step, A / B, {}: {ratio:.4f} (95 % interval {low:.4f} to {high:.4f})'
        lines.append(text.format(name.replace('_', ' '), **ratio))
    return '\n'.join(lines)


class _Progress:
    """Says how far the timing is and when it will end, at most every ten seconds."""

    def __init__(self) -> None:
        self.start = self.shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        from mmmask.benchmark.estimate import in_words

        now = time.monotonic()
        if now - self.shown >= 10:
            self.shown = now
            left = in_words((now - self.start) / done * (total - done))
            _say(f'timed {done} of {total} rounds, {left} to go')


def _millions(parameters: dict[str, int]) -> dict[str, float]:
    return {key: count / 1e6 for key, count in parameters.items()}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
