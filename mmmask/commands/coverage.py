"""Measure how much of annotated objects each method's masks cover.

All masks follow the attention of one network.
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from mmmask.commands.annotated_images import add_common, prepare, settings
from mmmask.commands.arguments import head, positive, share

if TYPE_CHECKING:
    from mmmask.analysis.coverage import Strategy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_common(parser)
    add = parser.add_argument
    add('--ratio', type=share, default=0.3, metavar='R', help='share of patches masked [0.3]')
    add('--limit', type=positive, metavar='N', help='so many images [all]')
    draws = 'random masks of each image [10]'
    add('--draws', type=positive, default=10, metavar='N', help=draws)
    add('--block', type=int, default=-1, help="block of GPA's scores [the last]")
    add('--head', type=head, default=-1, help="head of GPA's scores, or 'sum' [the last]")


def run(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    import torch

    from mmmask.analysis.coverage import lift_difference, measure_each, strategies, summary
    from mmmask.config.read import config_name
    from mmmask.pictures.charts import draw_coverage
    from mmmask.utils.files import write_json
    from mmmask.utils.progress import Progress

    network, images, out = prepare(args, args.limit, shuffled_by=None)
    chosen = strategies(args.ratio, math.prod(network.grid), args.block, args.head)
    progress = Progress('masks', len(images))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(args.seed)
        values = measure_each(network, images, chosen, args.draws, progress)
    result = {name: summary(of_images) for name, of_images in values.items()}
    difference = lift_difference(values['AttMask-High'], values['AttMask-Low'])
    title = (
        f'{config_name(args.config)} ({network.source}): {len(images)} images of {network.size} '
        f'pixels, {network.grid[0]} x {network.grid[1]} patches'
    )
    picture, report = out / 'coverage.png', out / 'coverage.json'
    draw_coverage(picture, result, title)
    write_json(
        report,
        dict(
            settings=settings(args, network),
            num_images=len(images),
            notes={s.name: s.note for s in chosen if s.note},
            results={
                name: {key: _as_json(mean_and_error) for key, mean_and_error in measures.items()}
                for name, measures in result.items()
            },
            lift_of_high_less_low=_as_json(difference),
        ),
    )
    print(title)
    print(table(result, chosen))
    text = 'Lift of AttMask-High less that of AttMask-Low, image by image: {:+.3f} +- {:.3f}.'
    print(text.format(*difference))
    print(f'\nwritten: {picture}, {report}')


def table(result: dict, chosen: list[Strategy]) -> str:
    """Write the measures in per cent with standard errors, and a note on each masker."""
    width = max(map(len, result))
    lines = [' ' * width + f'{"masked":>8}{"of objects":>16}{"on objects":>16}{"lift":>16}']
    for name, found in result.items():
        cells = [
            '{:.1f} +- {:.1f}'.format(*(100 * value for value in found['recall'])),
            '{:.1f} +- {:.1f}'.format(*(100 * value for value in found['precision'])),
            '{:.3f} +- {:.3f}'.format(*found['lift']),
        ]
        masked = f'{100 * found["share"][0]:>8.1f}'
        lines.append(f'{name:<{width}}{masked}' + ''.join(f'{cell:>16}' for cell in cells))
    lines += [
        "masked: % of patches; of objects: % of the objects' area that is masked; on objects: % of "
        "the masked area that is objects';",
        'lift: the former over what as many random patches give (1: chance). Means over images, '
        '+- standard errors.',
    ]
    lines += [f'{strategy.name}: {strategy.note}.' for strategy in chosen if strategy.note]
    return '\n'.join(lines)


def _as_json(mean_and_error: tuple[float, float]) -> dict:
    """Return mean and standard error; None for that of a single image (JSON has no NaN)."""
    mean, error = mean_and_error
    return dict(mean=mean, standard_error=None if math.isnan(error) else error)
