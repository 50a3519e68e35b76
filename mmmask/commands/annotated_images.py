"""Arguments, set-up and report that ``coverage`` and ``select-head`` share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmmask.commands.arguments import positive, seed
from mmmask.utils.errors import UserError

if TYPE_CHECKING:
    from mmmask.analysis.object_patches import ObjectPatches
    from mmmask.probe import Probe

SOURCES = ('auto', 'teacher', 'student')


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare the network, the annotated images and where results go."""
    add = parser.add_argument
    add('config', help='a config with a ViT as model.backbone, as of pre-training')
    add('checkpoint', help="any pre-training's checkpoint, or 'none' for an untrained network")
    objects = 'objects with masks, in COCO format'
    add('--annotations', required=True, metavar='JSON', help=objects)
    add('--images', required=True, metavar='DIR', help='folder of their images')
    labelled = (
        "count objects of the image's label only, which is its folder's name and a category's "
        '(GPA, Section 3.4) [all objects]'
    )
    add('--labelled', action='store_true', help=labelled)
    add('--out', required=True, metavar='DIR', help='where the results go')
    add('--source', choices=SOURCES, default='auto', help='[the teacher where there is one]')
    size = "images are stretched to N x N pixels [the backbone's img_size]"
    add('--size', type=positive, metavar='N', help=size)
    add('--seed', type=seed, default=0, metavar='S', help='of what is drawn [0]')
    add('--device', choices=['cpu', 'cuda'], default='cpu')


def prepare(
    args: argparse.Namespace, limit: int | None, shuffled_by: int | None
) -> tuple[Probe, ObjectPatches, Path]:
    """Build the network, find the images at its size, and make the folder of the results."""
    import mmmask.registration  # noqa: F401
    from mmmask.analysis.object_patches import ObjectPatches
    from mmmask.config.read import read_config
    from mmmask.probe import Probe

    probe = Probe(
        args.checkpoint,
        read_config(args.config),
        args.source,
        args.size,
        args.device,
        args.seed,
        backbone_only=True,
    )
    images = ObjectPatches(
        args.annotations, args.images, probe.size, probe.grid, limit, shuffled_by, args.labelled
    )
    out = Path(args.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: '{out}' can't be a folder ({error.strerror}).") from error
    return probe, images, out


def settings(args: argparse.Namespace, network: Probe) -> dict:
    """Return the arguments and the network's properties, for the file of results."""
    no_settings = ('command_line', 'debug', 'device', 'out', 'run')
    given = {key: value for key, value in vars(args).items() if key not in no_settings}
    return dict(given, source=network.source, size=network.size, grid=list(network.grid))
