"""Draw what a network attends to, hides, restores, and finds alike."""

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
    from mmmask.pictures.figure import Sheet, Subject

KINDS = ('attention', 'masks', 'gpa', 'reconstruction', 'patches')
"""Pictures of the images that --images names."""

OF_DATA = ('neighbours', 'confusion', 'plane')
"""Pictures of the data of a config of k-NN or retrieval."""


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
    images = 'files, folders or patterns; not needed for a config of k-NN or retrieval'
    add('--images', nargs='+', metavar='PATH', help=images)
    add('--out', required=True, metavar='FOLDER', help='PNGs and index.html')
    what = "what must be shown [all that the model can give; what it can't is told]"
    add('--what', nargs='+', choices=KINDS + OF_DATA, help=what)
    count = 'at most so many images, or queries [8] of neighbours, spread over all'
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
    add('--neighbours', type=positive, default=8, metavar='K', help='of each query [8]')
    by = "how features are laid into a plane; umap: pip install 'mmmask[umap]' [pca]"
    add('--plane', choices=['pca', 'umap'], default='pca', help=by)
    maps = (
        'palette images of objects (FOLDER/VIDEO/FRAME.png), as the test of DAVIS writes them: '
        'they are laid over --images, and no network is needed'
    )
    add('--label-maps', nargs='+', metavar='FOLDER', help=maps)
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Draw everything, then write the folder."""
    import mmmask.registration  # noqa: F401
    from mmmask.config.read import config_name
    from mmmask.pictures.page import write_page

    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out: '{out}' is a file: name a folder.")
    facts = ['; '.join(([f'{args.config}, {args.file}'] if args.config else []) + args.checkpoint)]
    title = config_name(args.config) if args.config else 'Objects in videos'
    kinds = [kind for kind in KINDS if kind in (args.what or KINDS)]
    of_data = _kinds_of_data(args)
    sheets: list[Sheet] = []
    if args.label_maps:
        sheets += _of_videos(args)
        facts = [f'objects of {", ".join(args.label_maps)}']
    elif of_data:
        sheets += _of_data(args, of_data)
    if not args.label_maps and kinds and (args.images or not of_data):
        subjects = _subjects(args)
        sheets += _of_images(args, subjects, kinds)
        facts += [
            f'{len(subjects[0].samples)} images, seed {args.seed}',
            *(
                f'{s.label}: {s.probe.size} x {s.probe.size} pixels, normalised by '
                f'{s.probe.normalisation} ({s.probe.normalisation_source})'
                for s in subjects
            ),
        ]
        title = config_name(args.config) if args.config else ', '.join(s.label for s in subjects)
    if not sheets:
        raise UserError('No network of these gives a picture.')
    out.mkdir(parents=True, exist_ok=True)
    page = write_page(out, title, facts, sheets)
    print(f'{len(sheets)} pictures: {page}')


def _of_images(args: argparse.Namespace, subjects: list[Subject], kinds: list[str]) -> list[Sheet]:
    """Draw the images that networks are shown."""
    from mmmask.pictures.attention import attention_sheets, gpa_sheets
    from mmmask.pictures.figure import Options
    from mmmask.pictures.masks import mask_sheets
    from mmmask.pictures.patches import patch_sheets
    from mmmask.pictures.reconstruction import reconstruction_sheets
    from mmmask.probe import Unavailable

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
        patches=lambda: patch_sheets(subjects, options),
    )
    sheets: list[Sheet] = []
    for kind in kinds:
        try:
            sheets += draw[kind]()
        except Unavailable as error:
            if args.what:
                raise UserError(f'--what {kind}: {error}') from error
            print(f'{kind}: left out. {error}')
        except ValueError as error:  # an option or the weights: NaN scores, say
            raise UserError(f'--what {kind}: {error}') from error
    return sheets


def _kinds_of_data(args: argparse.Namespace) -> list[str]:
    """Return the pictures of a config's own data: those asked for, else all that it gives."""
    from mmmask.config.read import read_config
    from mmmask.pictures.frozen import searches

    if args.what or not args.config:
        return [kind for kind in OF_DATA if kind in (args.what or ())]
    config = read_config(args.config)
    if not searches(config):
        return []
    return list(OF_DATA) if config.test_cfg.type == 'KNNLoop' else ['neighbours']


def _of_data(args: argparse.Namespace, wanted: list[str]) -> list[Sheet]:
    """Draw what frozen features find among the data of a config of k-NN or retrieval."""
    from mmmask.config.options import read_with_options
    from mmmask.pictures.frozen import confusion_sheet, neighbours_sheet, plane_sheet, read_frozen

    if args.config is None or args.file is None:
        raise UserError(f'--what {wanted[0]}: give CONFIG of k-NN or retrieval, and CHECKPOINT.')
    config = read_with_options(args.config, args.cfg_options)
    found = read_frozen(config, args.file, None, args.seed, args.source or 'auto')
    draw = dict(
        neighbours=lambda: neighbours_sheet(found, args.count or 8, args.neighbours),
        confusion=lambda: confusion_sheet(found),
        plane=lambda: plane_sheet(found, args.plane),
    )
    return [draw[kind]() for kind in wanted]


def _of_videos(args: argparse.Namespace) -> list[Sheet]:
    """Draw label maps over frames."""
    from mmmask.pictures import find_images
    from mmmask.pictures.videos import video_sheets

    if not args.images:
        raise UserError('--label-maps: name the frames by --images.')
    videos: dict[str, list[Path]] = {}
    for path in find_images(args.images):
        videos.setdefault(path.parent.name, []).append(path)
    folders = list(map(Path, args.label_maps))
    return video_sheets(videos, dict(zip(_names(folders), folders)), args.count or 6)


def _subjects(args: argparse.Namespace) -> list[Subject]:
    """Build every network, and read the images at its size."""
    from mmmask.config.options import read_with_options
    from mmmask.pictures import find_images, read_square
    from mmmask.pictures.figure import Sample, Subject
    from mmmask.probe import Probe

    if (args.config is None) != (args.file is None) or not (args.config or args.checkpoint):
        raise UserError('Give CONFIG and CHECKPOINT, or --checkpoint FILE ..., or both.')
    if not args.images:
        raise UserError('Name images by --images, or give a config of k-NN or retrieval.')
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
