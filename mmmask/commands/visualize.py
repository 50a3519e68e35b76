"""Draw what a pre-trained network attends to, hides and restores."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmmask.commands.arguments import add_cfg_options, head, positive
from mmmask.utils.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmmask.pictures.figure import Subject

KINDS = ('attention', 'masks', 'gpa', 'reconstruction')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        'config', nargs='?', help='config of a pre-training, or of any model with a backbone'
    )
    parser.add_argument(
        'file',
        nargs='?',
        metavar='checkpoint',
        help="the pre-training's whole model, or any file for the other model's backbone",
    )
    parser.add_argument(
        '--checkpoint',
        nargs='+',
        default=[],
        metavar='FILE',
        help='networks to show side by side, each by what its file tells: our pre-trainings, '
        'DINO, iBOT, MAE, MoCo v3, DeiT, BEiT, DINOv2, Swin, timm, Hugging Face',
    )
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
    import mmmask.registration  # noqa: F401
    from mmmask.config.read import config_name
    from mmmask.pictures.attention import attention_sheets, gpa_sheets
    from mmmask.pictures.figure import Options, Sheet
    from mmmask.pictures.masks import mask_sheets
    from mmmask.pictures.page import write_page
    from mmmask.pictures.reconstruction import reconstruction_sheets
    from mmmask.probe import Unavailable

    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out: '{out}' is a file: name a folder.")
    subjects = _subjects(args)
    options = Options(tuple(args.ratios), args.seed, args.block, args.head)

    def of_each(draw: Callable[..., list[Sheet]]) -> list[Sheet]:
        found = []
        for number, subject in enumerate(subjects, start=1):
            try:
                some = draw(subject, options)
            except Unavailable as error:
                if args.what or len(subjects) == 1:
                    raise
                print(f'{subject.label}: {error}')
                continue
            if len(subjects) > 1:
                some = [
                    replace(
                        s,
                        name=f'{s.name}-{number}',
                        title=s.title and f'{s.title}: {subject.label}',
                    )
                    for s in some
                ]
            found += some
        return found

    draw = dict(
        attention=lambda: attention_sheets(subjects, options),
        masks=lambda: of_each(partial(mask_sheets, say=print)),
        gpa=lambda: gpa_sheets(subjects, options),
        reconstruction=lambda: of_each(reconstruction_sheets),
    )
    sheets: list[Sheet] = []
    for kind in [kind for kind in KINDS if kind in (args.what or KINDS)]:
        try:
            sheets += draw[kind]()
        except Unavailable as error:
            if args.what:
                raise UserError(f'--what {kind}: {error}') from error
            print(f'{kind}: left out. {error}')
        except ValueError as error:  # an option or the weights: NaN scores, say
            raise UserError(f'--what {kind}: {error}') from error
    if not sheets:
        raise UserError('No network of these gives a picture.')
    out.mkdir(parents=True, exist_ok=True)
    facts = [
        '; '.join(([f'{args.config}, {args.file}'] if args.config else []) + args.checkpoint),
        f'{len(subjects[0].samples)} images, seed {args.seed}',
        *(
            f'{s.label}: {s.probe.size} x {s.probe.size} pixels, normalised by '
            f'{s.probe.normalisation} ({s.probe.normalisation_source})'
            for s in subjects
        ),
    ]
    title = config_name(args.config) if args.config else ', '.join(s.label for s in subjects)
    page = write_page(out, title, facts, sheets)
    print(f'{len(sheets)} pictures: {page}')


def _subjects(args: argparse.Namespace) -> list[Subject]:
    """Build every network, and read the images at its size."""
    from mmmask.config.options import check_own_parts, merge_options
    from mmmask.config.read import read_config
    from mmmask.pictures import find_images, read_square
    from mmmask.pictures.figure import Sample, Subject
    from mmmask.probe import Probe

    if (args.config is None) != (args.file is None) or not (args.config or args.checkpoint):
        raise UserError('Give CONFIG and CHECKPOINT, or --checkpoint FILE ..., or both.')
    if args.cfg_options and args.config is None:
        raise UserError('--cfg-options change a config: give CONFIG and CHECKPOINT.')
    given: list[tuple[str, Config | None]] = []
    if args.config is not None:
        config = read_config(args.config)
        merge_options(config, args.cfg_options)
        check_own_parts(config)
        given.append((args.file, config))
    given += [(file, None) for file in args.checkpoint]
    paths = find_images(args.images, args.count)
    probes = [Probe(file, config, args.source or 'auto', args.size) for file, config in given]
    labels = _names([Path(file) for file, _ in given])
    names = _names(paths)
    return [
        Subject(
            label,
            probe,
            [Sample(name, read_square(path, probe.size)) for name, path in zip(names, paths)],
        )
        for label, probe in zip(labels, probes)
    ]


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
