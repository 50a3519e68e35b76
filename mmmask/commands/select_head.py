"""Find the attention head that covers annotated objects best, as GPA does (Section 3.4).

Every block and head of a ViT is measured by its received attention.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmmask.commands.annotated_images import add_common, prepare, settings
from mmmask.commands.arguments import positive, share
from mmmask.utils.errors import UserError

if TYPE_CHECKING:
    from mmmask.analysis.head_selection import HeadRecalls


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_common(parser)
    add = parser.add_argument
    shots = 'so many images, drawn by --seed [all]'
    add('--shots', type=positive, metavar='N', help=shots)
    taken = 'share of patches with the highest scores that are taken, as masks do [0.75]'
    add('--ratio', type=share, default=0.75, metavar='R', help=taken)
    as_many = "take as many patches as are the image's ground truth, instead of --ratio"
    add('--as-many', action='store_true', help=as_many)
    covered = 'a patch is ground truth if objects cover more than this share of it [0.5]'
    add('--covered', type=share, default=0.5, metavar='C', help=covered)
    base = 'a config of GPA that the written one inherits, ready to be trained'
    add('--base', metavar='CONFIG', help=base)


def run(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    from mmmask.analysis.head_selection import select_head
    from mmmask.config.read import config_name
    from mmmask.pictures.charts import draw_recalls
    from mmmask.utils.files import write_json
    from mmmask.utils.progress import Progress

    if args.base is not None:
        _check_base(args.base)
    network, images, out = prepare(args, args.shots, args.seed)
    ratio = None if args.as_many else args.ratio
    progress = Progress('heads', len(images))
    result = select_head(network, images, ratio, args.covered, progress)
    block, head = result.winner
    picture, report = out / 'recalls.png', out / 'recalls.json'
    fragment = out / 'attention_head.py'
    taken = 'as many patches as objects cover' if args.as_many else f'top {args.ratio:.0%} patches'
    draw_recalls(
        picture,
        result.mean,
        result.expected,
        result.winner,
        f"Recall of objects' patches, {taken}\n{config_name(args.config)} ({network.source}), "
        f'{result.num_images} images of {network.size} pixels',
    )
    write_json(
        report,
        dict(
            settings=settings(args, network),
            num_images=result.num_images,
            num_skipped=result.num_skipped,
            winner=dict(block=block, head=head, recall=float(result.mean[block, head])),
            random_expectation=result.expected,
            recall=result.mean[:, :-1].tolist(),
            standard_error=_finite(result.error[:, :-1]),
            recall_of_sum_over_heads=result.mean[:, -1].tolist(),
            standard_error_of_sum_over_heads=_finite(result.error[:, -1]),
        ),
    )
    fragment.write_text(fragment_text(result, network.source, args, fragment))
    print(table(result))
    print(f'\nwritten: {picture}, {report}, {fragment}')
    print(how_to_use(block, head, fragment, args.base))


def table(result: HeadRecalls) -> str:
    """Write the recalls in per cent, the winner starred."""
    block, head = result.winner
    heads = result.mean.shape[1] - 1
    lines = ['block' + ''.join(f'{f"head {h}":>10}' for h in range(heads)) + f'{"sum":>10}']
    for row, values in enumerate(100 * result.mean):
        stars = ['*' if (row, column) == (block, head) else ' ' for column in range(heads + 1)]
        lines.append(f'{row:<5}' + ''.join(f'{v:>9.1f}{s}' for v, s in zip(values, stars)))
    skipped = f', {result.num_skipped} without such a patch' if result.num_skipped else ''
    lines.append(
        f"recall of objects' patches in %, mean of {result.num_images} images{skipped}; random "
        f'patches: {100 * result.expected:.1f}'
    )
    lines.append(
        f'* block {block}, head {head}: {100 * result.mean[block, head]:.1f} '
        f'+- {100 * result.error[block, head]:.1f} (standard error)'
    )
    return '\n'.join(lines)


def fragment_text(result: HeadRecalls, source: str, args: argparse.Namespace, path: Path) -> str:
    """Write a config that sets block and head, and inherits ``--base`` if there is one."""
    from mmmask.config.read import config_name

    block, head = result.winner
    base = ''
    if args.base is not None:
        relative = os.path.relpath(Path(args.base).resolve(), path.parent.resolve())
        base = f'_base_ = {Path(relative).as_posix()!r}\n\n'
    return (
        f"# GPA's few-shot attention selection: of {config_name(args.config)} ({source}), by "
        f'{result.num_images} images,\n# recall {100 * result.mean[block, head]:.1f} % (random: '
        f'{100 * result.expected:.1f} %).\n'
        f'{base}model = dict(scorer=dict(attention=dict(block={block}, head={head})))\n'
    )


def how_to_use(block: int, head: int, fragment: Path, base: str | None) -> str:
    """Write the command that trains with the chosen head."""
    if base is not None:
        return f'to train with it: mmmask train {fragment}'
    return (
        'to train with it: mmmask train CONFIG --cfg-options '
        f'model.scorer.attention.block={block} model.scorer.attention.head={head}\n'
        f'(CONFIG: of GPA; with --base CONFIG, {fragment.name} inherits it and can be trained)'
    )


def _check_base(name: str) -> None:
    """Check that the config's scorer reads received attention."""
    from mmmask.config.read import read_config

    if '::' in name:
        raise UserError('--base takes a file, not a package::path.')
    scorer = (read_config(name).get('model') or {}).get('scorer') or {}
    if (scorer.get('attention') or {}).get('type') != 'ReceivedAttentionTap':
        raise UserError(
            f"--base: '{name}' has no model.scorer.attention of type ReceivedAttentionTap, whose "
            'block and head could be set.'
        )


def _finite(errors) -> list | None:
    """Return the standard errors; None for those of a single image (JSON has no NaN)."""
    return errors.tolist() if (errors == errors).all() else None
