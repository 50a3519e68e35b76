"""Time training steps of a pre-training config, or of two in turn.

The images are made up; no data are read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmask.commands.arguments import (
    add_amp,
    add_cfg_options,
    add_compile,
    add_config,
    add_device,
    positive,
)
from mmmask.utils.errors import UserError

FLOPS_SEEDS = range(4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    add = parser.add_argument
    add('--versus', metavar='CONFIG', help='the config to compare it with')
    add_cfg_options(parser)  # of both configs
    add('--steps', type=positive, default=20, metavar='N', help='timed steps of each [20]')
    add('--warmup', type=positive, default=2, metavar='N', help='steps of each before these [2]')
    add('--batch-size', type=positive, metavar='N', help="images in a batch [the config's]")
    add_device(parser)
    add_amp(parser)
    add_compile(parser)
    flops = 'count floating-point operations, too (4 more steps)'
    add('--flops', action='store_true', help=flops)
    no_memory = "don't measure memory (a process for each config)"
    add('--no-memory', action='store_true', help=no_memory)
    add('--json', metavar='FILE', help='also write the figures to a file')


def run(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    import torch

    import mmmask.registration  # noqa: F401
    from mmmask.timing import step_timing
    from mmmask.utils.device import pick_device
    from mmmask.utils.files import write_json
    from mmmask.utils.progress import Progress, print_progress

    device = pick_device(args.device)
    names = [args.config, *([args.versus] if args.versus else [])]
    kwargs = dict(options=args.cfg_options, device=device, batch_size=args.batch_size)
    kwargs.update(amp=args.amp, compile='inductor' if args.compile else None)
    configs = [step_timing.read_training(name, args.cfg_options) for name in names]
    sizes = [cfg.train_dataloader.batch_size for cfg in configs]
    if args.batch_size is None and len(set(sizes)) > 1:
        raise UserError(
            f'The configs have different batches ({sizes[0]} and {sizes[1]}): give --batch-size.'
        )
    steps = [step_timing.Step(name, **kwargs) for name in names]
    results = [
        dict(config=name, parameters=step.parameters(), hooks=step.hooks)
        for name, step in zip(names, steps)
    ]
    if not args.no_memory:
        for name, result in zip(names, results):
            print_progress(f'memory of {Path(name).stem} ...')
            result['peak_memory'] = step_timing.peak_memory(name, **kwargs)
    if args.flops:
        for step, result in zip(steps, results):
            print_progress(f'operations of {step.name} ...')
            result['flops_per_image'] = step.flops(FLOPS_SEEDS)
    progress = Progress('timed rounds', args.steps + args.warmup, sink=print_progress)
    durations = step_timing.time_steps(steps, args.steps, args.warmup, progress)
    for result, seconds, step in zip(results, durations, steps):
        result.update(seconds=seconds, **step_timing.summary(seconds, step.batch_size))
    report = dict(
        device=torch.cuda.get_device_name() if device == 'cuda' else 'cpu',
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        batch_size=steps[0].batch_size,
        amp=args.amp,
        compile=args.compile,
        cfg_options=args.cfg_options,
        results=results,
    )
    if args.versus:
        report['ratios'] = step_timing.compare(*durations)
    print(table(report), flush=True)
    if args.json:
        write_json(Path(args.json), report)


def table(report: dict) -> str:
    """Write the figures of one or two configs side by side."""
    results = report['results']
    first = results[0]
    lines = [
        f'{report["device"]}, {report["threads"]} thread(s), torch {report["torch"]}, '
        f'batch {report["batch_size"]}, {len(first["seconds"])} steps each'
    ]
    lines += [f'{letter}: {result["config"]}' for letter, result in zip('AB', results)]
    rows = {
        'seconds per step, median': [f'{r["median"]:.4g}' for r in results],
        '  quartiles': ['{:.4g} to {:.4g}'.format(*r['quartiles']) for r in results],
        'images per second': [f'{r["images_per_s"]:.4g}' for r in results],
        'million parameters, trained / all': [
            f'{r["parameters"]["trained"] / 1e6:.2f} / {r["parameters"]["all"] / 1e6:.2f}'
            for r in results
        ],
    }
    if 'peak_memory' in first:
        what = 'allocated' if report['device'] != 'cpu' else 'process growth'
        peaks = [r['peak_memory'] for r in results]
        rows[f'peak memory, MiB ({what})'] = [
            'unknown' if peak is None else f'{peak / 2**20:.0f}' for peak in peaks
        ]
    if 'flops_per_image' in first:
        for key, label in (('forward', 'forward'), ('step', 'forward and backward')):
            values = [r['flops_per_image'][key] for r in results]
            cells = [f'{value / 1e9:.4g}' for value in values]
            cells += [f'   A / B = {values[0] / values[1]:.3f}'] if len(values) == 2 else []
            rows[f'GFLOPs per image, {label}'] = cells
    width = max(map(len, rows))
    for label, cells in {'': 'AB'[: len(results)], **rows}.items():
        lines.append(f'{label:<{width}}' + ''.join(f'{cell:>22}' for cell in cells))
    for name, ratio in report.get('ratios', {}).items():
        text = 'time per step, A / B, {}: {ratio:.4f} (95 % interval {low:.4f} to {high:.4f})'
        lines.append(text.format(name.replace('_', ' '), **ratio))
    return '\n'.join(lines)
