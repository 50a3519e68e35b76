"""Draw what a pre-trained network attends to, hides and restores."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmmask.commands.arguments import add_cfg_options, head, positive, ratio
from mmmask.utils.errors import UserError

if TYPE_CHECKING:
    from mmmask.pictures.figure import Subject

KINDS = ('attention', 'masks', 'gpa', 'reconstruction')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    config = 'config of a pre-training, or of any model with a backbone'
    add('config', nargs='?', help=config)
    file = "the pre-training's whole model, or any file for the other model's backbone"
    add('file', nargs='?', metavar='checkpoint', help=file)
    checkpoint = (
        'networks to show side by side, each by what its file tells, or by a config of its own: '
        'our pre-trainings, DINO, iBOT, MAE, MoCo v3, DeiT, BEiT, DINOv2, Swin, timm, Hugging Face'
    )
    add('--checkpoint', nargs='+', default=[], metavar='FILE[=CONFIG]', help=checkpoint)
    add('--images', nargs='+', required=True, metavar='PATH', help='files, folders or patterns')
    add('--out', required=True, metavar='FOLDER', help='PNGs and index.html')
    what = "what must be shown [all that the model can give; what it can't is told]"
    add('--what', nargs='+', choices=KINDS, help=what)
    count = 'at most so many images, spread over all'
    add('--count', type=positive, metavar='N', help=count)
    add('--size', type=positive, metavar='N', help="images' side in pixels [the training's]")
    ratios = 'mask ratios side by side [0.1 0.3 0.5 0.75]'
    default = [0.1, 0.3, 0.5, 0.75]
    add('--ratios', nargs='+', type=ratio, default=default, metavar='R', help=ratios)
    add('--seed', type=int, default=0, help='of everything random [0]')
    source = 'whose attention [the teacher, if any]'
    add('--source', choices=['teacher', 'student'], help=source)
    block = "of received attention [the config's scorer's, else the last]"
    add('--block', type=int, help=block)
    add('--head', type=head, metavar="N or 'sum'", help='of received attention, likewise')
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
            for sheet in some:
                if len(subjects) > 1:
                    title = sheet.title and f'{sheet.title}: {subject.label}'
                    sheet = replace(sheet, name=f'{sheet.name}-{number}', title=title)
                found.append(sheet)
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
    from mmmask.config.options import read_with_options
    from mmmask.pictures import find_images, read_square
    from mmmask.pictures.figure import Sample, Subject
    from mmmask.probe import Probe

    if (args.config is None) != (args.file is None) or not (args.config or args.checkpoint):
        raise UserError('Give CONFIG and CHECKPOINT, or --checkpoint FILE ..., or both.')
    if args.cfg_options and args.config is None:
        raise UserError('--cfg-options change a config: give CONFIG and CHECKPOINT.')
    given = [(args.file, args.config, args.cfg_options)] if args.config else []
    given += [(*_file_and_config(word), {}) for word in args.checkpoint]
    paths = find_images(args.images, args.count)
    names = _names(paths)
    labels = _names([Path(name if file == 'none' else file) for file, name, _ in given])
    subjects = []
    for label, (file, name, options) in zip(labels, given):
        config = read_with_options(name, options) if name else None
        probe = Probe(file, config, args.source or 'auto', args.size)
        squares = (read_square(path, probe.size) for path in paths)
        subjects.append(Subject(label, probe, list(map(Sample, names, squares))))
    return subjects


def _file_and_config(word: str) -> tuple[str, str | None]:
    """Split ``FILE=CONFIG`` behind the file that exists, as paths may have a ``=``, too."""
    signs = [at for at, letter in enumerate(word) if letter == '=' and word.endswith('.py')]
    if not signs:
        return word, None
    at = next((at for at in signs if Path(word[:at]).is_file()), signs[-1])
    return word[:at], word[at + 1 :]


def _names(paths: list[Path]) -> list[str]:
    """Return files' names without suffix; with the folder's name, where they repeat."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [f'{path.parent.name}/{path.stem}' for path in paths]
