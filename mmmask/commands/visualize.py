"""Draw what a pre-trained network attends to, hides and restores."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from mmmask.commands.arguments import add_cfg_options, head, positive
from mmmask.utils.errors import UserError

KINDS = ('attention', 'masks', 'gpa', 'reconstruction')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('config', help="the pre-training's")
    parser.add_argument('checkpoint', help='what it wrote, which must fit completely')
    parser.add_argument(
        '--images', nargs='+', required=True, metavar='PATH', help='files, folders or patterns'
    )
    parser.add_argument('--out', required=True, metavar='FOLDER', help='PNGs and index.html')
    parser.add_argument(
        '--what',
        nargs='+',
        choices=KINDS,
        help="what must be shown [all that the model can give; what it can't is told]",
    )
    parser.add_argument(
        '--count', type=positive, metavar='N', help='at most so many images, spread over all'
    )
    parser.add_argument(
        '--size', type=positive, metavar='N', help="images' side in pixels [the training's]"
    )
    parser.add_argument(
        '--ratios',
        nargs='+',
        type=_ratio,
        default=[0.1, 0.3, 0.5, 0.75],
        metavar='R',
        help='mask ratios side by side [0.1 0.3 0.5 0.75]',
    )
    parser.add_argument('--seed', type=int, default=0, help='of everything random [0]')
    parser.add_argument(
        '--source', choices=['teacher', 'student'], help='whose attention [the teacher, if any]'
    )
    parser.add_argument(
        '--block', type=int, help="of received attention [the config's scorer's, else the last]"
    )
    parser.add_argument(
        '--head', type=head, metavar="N or 'sum'", help='of received attention, likewise'
    )
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Draw everything, then write the folder."""
    from mmmask.config.options import check_own_parts, merge_options
    from mmmask.config.read import config_name, read_config
    from mmmask.pictures.attention import attention_sheets, gpa_sheets
    from mmmask.pictures.figure import Options, Sample, Sheet
    from mmmask.pictures.files import find_images, read_square
    from mmmask.pictures.masks import mask_sheets
    from mmmask.pictures.page import write_page
    from mmmask.pictures.reconstruction import reconstruction_sheets
    from mmmask.pictures.subject import Unavailable, build_subject

    draw = dict(
        attention=attention_sheets,
        masks=partial(mask_sheets, say=print),
        gpa=gpa_sheets,
        reconstruction=reconstruction_sheets,
    )
    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out: '{out}' is a file: name a folder.")
    config = read_config(args.config)
    merge_options(config, args.cfg_options)
    check_own_parts(config)
    paths = find_images(args.images, args.count)
    subject = build_subject(config, args.checkpoint, args.source)
    size = args.size or subject.size
    names = _names(paths)
    samples = [Sample(name, read_square(path, size)) for name, path in zip(names, paths)]
    subject.grid(samples[0].image)
    options = Options(tuple(args.ratios), args.seed, args.block, args.head)
    sheets: list[Sheet] = []
    for kind in [kind for kind in KINDS if kind in (args.what or KINDS)]:
        try:
            sheets += draw[kind](subject, samples, options)
        except Unavailable as error:
            if args.what:
                raise UserError(f'--what {kind}: {error}') from error
            print(f'{kind}: left out. {error}')
        except ValueError as error:  # an option or the weights: NaN scores, say
            raise UserError(f'--what {kind}: {error}') from error
    if not sheets:
        raise UserError('This model gives no picture at all.')
    out.mkdir(parents=True, exist_ok=True)
    facts = [
        f'{args.config}, {args.checkpoint}',
        f'{len(samples)} images of {size} x {size} pixels, seed {args.seed}',
    ]
    page = write_page(out, config_name(args.config), facts, sheets)
    print(f'{len(sheets)} pictures: {page}')


def _names(paths: list[Path]) -> list[str]:
    """Return files' names without suffix; with the folder's name, where they repeat."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [f'{path.parent.name}/{path.stem}' for path in paths]


def _ratio(text: str) -> float:
    ratio = float(text)
    if not 0 <= ratio <= 1:
        raise argparse.ArgumentTypeError(f'must be from 0 to 1, got {text}')
    return ratio
