"""Measure images/s of a config's train loader by workers, and how many cores its step needs.

The config's own data are read, and where the time of an image goes is shown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmask.commands.arguments import (
    add_amp,
    add_cfg_options,
    add_config,
    add_device,
    number,
    positive,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    add = parser.add_argument
    workers = "numbers of workers [0, 1, 2, 4 ... to the number of cores, and the config's]"
    add('--workers', type=number, nargs='+', metavar='N', help=workers)
    add_cfg_options(parser, 'train_dataloader.batch_size=32')
    seconds = 'seconds of each measurement, at least a batch of each worker [5]'
    add('--seconds', type=positive, default=5, metavar='S', help=seconds)
    add('--steps', type=positive, default=5, metavar='N', help='timed steps, after 2 others [5]')
    add('--no-step', action='store_true', help="don't time the step")
    add_device(parser)
    add_amp(parser)
    add('--json', metavar='FILE', help='also write the figures to a file')
    add('--out', metavar='FOLDER', help='also write the figures and a picture to a folder')


def run(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    import torch

    import mmmask.registration  # noqa: F401
    from mmmask.config.read import config_name
    from mmmask.pictures.charts import draw_loading
    from mmmask.timing import loader_timing, step_timing
    from mmmask.utils.cores import available_cores
    from mmmask.utils.device import pick_device
    from mmmask.utils.files import write_json
    from mmmask.utils.progress import print_progress

    device = pick_device(args.device)
    if not args.no_step:
        step_timing.read_training(args.config, args.cfg_options)
    loader = loader_timing.TrainLoader(args.config, args.cfg_options)
    print_progress('the time of an image ...')
    image = loader.image_time(args.seconds)
    cores = available_cores()
    powers = [2**power for power in range(cores.bit_length())]
    rates = []
    for workers in args.workers or sorted({0, *powers, loader.workers}):
        print_progress(f'images/s with {workers} worker(s) ...')
        rate = loader.images_per_s(workers, args.seconds)
        rates.append(dict(workers=workers, images_per_s=rate))
    batch_size, batch = loader.batch()
    report = dict(
        config=args.config,
        cfg_options=args.cfg_options,
        device=torch.cuda.get_device_name() if device == 'cuda' else 'cpu',
        cores=cores,
        torch=torch.__version__,
        batch_size=batch_size,
        config_workers=loader.workers,
        rates=rates,
        image=dict(
            seconds=image.seconds,
            images=image.images,
            parts=[dict(path=list(p.path), seconds=p.seconds, calls=p.calls) for p in image.parts],
        ),
        copy_seconds=None,
        step=None,
        cores_needed=None,
    )
    if device == 'cuda':
        report['copy_seconds'] = loader_timing.copy_time(batch, batch_size)
    if not args.no_step:
        print_progress('steps ...')
        options = dict(device=device, amp=args.amp, batch_size=batch_size, batch=batch)
        step = step_timing.Step(args.config, args.cfg_options, **options)
        [seconds] = step_timing.time_steps([step], args.steps)
        found = step_timing.summary(seconds, batch_size)
        report['step'] = dict(seconds=found['median'], images_per_s=found['images_per_s'])
        report['cores_needed'] = image.seconds * found['images_per_s']
        for rate in rates:
            rate['waiting_share'] = loader_timing.waiting_share(
                rate['workers'], rate['images_per_s'], found['images_per_s']
            )
    print(table(report), flush=True)
    if args.json:
        write_json(Path(args.json), report)
    if args.out:
        out = Path(args.out)
        picture, figures = out / 'time-loader.png', out / 'time-loader.json'
        write_json(figures, report)
        title = f'{config_name(args.config)}: batches of {batch_size}, {cores} core(s)'
        draw_loading(picture, report, title)
        print(f'\nwritten: {picture}, {figures}')


def table(report: dict) -> str:
    """Write the figures: rates by workers, the parts of an image's time, the cores needed."""
    step, image = report['step'], report['image']
    lines = [
        f'{report["config"]}: batches of {report["batch_size"]}, {report["cores"]} core(s), '
        f'torch {report["torch"]}',
        '',
        f'{"workers":<10}{"images/s":>10}{"waiting" if step else "":>12}'.rstrip(),
    ]
    for rate in report['rates']:
        own = ' *' if rate['workers'] == report['config_workers'] else ''
        line = f'{str(rate["workers"]) + own:<10}{rate["images_per_s"]:>10.4g}'
        if step:
            line += f'{rate["waiting_share"]:>12.0%}'
        lines.append(line)
    lines.append("(*: the config's" + ("; waiting: share of a training's time)" if step else ')'))
    rows = [
        ('  ' * len(part['path']) + part['path'][-1], part['seconds'], part['calls'])
        for part in image['parts']
    ]
    width = max(28, *(len(name) + 2 for name, _, _ in rows))
    lines += ['', f'{"one image by one core":<{width}}{"ms":>9}{"share":>8}{"calls":>8}']
    for name, seconds, calls in rows:
        share = seconds / image['seconds']
        lines.append(f'{name:<{width}}{1e3 * seconds:>9.3f}{share:>8.1%}{calls:>8.3g}')
    lines.append(f'{"  in all":<{width}}{1e3 * image["seconds"]:>9.3f}')
    lines.append(
        f'({image["images"]} images; indented: contained in the part above; other: the record, '
        'random states, queues)'
    )
    if report['copy_seconds'] is not None:
        ms = 1e3 * report['copy_seconds']
        lines.append(f'copy of an image to the GPU: {ms:.3f} ms (part of the step)')
    if step:
        lines += [
            '',
            f'A step takes {step["seconds"]:.4g} s on {report["device"]}: '
            f'{step["images_per_s"]:.4g} images/s. One core gives {1 / image["seconds"]:.4g}.',
            f'So a process that trains needs {report["cores_needed"]:.2f} core(s) for its images.',
            _verdict(report),
        ]
    return '\n'.join(lines)


def _verdict(report: dict) -> str:
    """Say with how many of the measured workers the step waits for less than a tenth of the time.

    A training on the CPU has fewer cores left for its workers than the measurement had.
    """
    few = [rate['workers'] for rate in report['rates'] if rate['waiting_share'] < 0.1]
    if not few:
        text = 'With each measured number of workers it waits for over 10 % of its time.'
    else:
        text = f'With {min(few)} worker(s) it waits for less than 10 % of its time.'
    if report['device'] == 'cpu':
        text += ' The step had the CPU for itself; in a training, workers share it.'
    return text
