"""What ``tools/verify_transfer.py`` does."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import torch
from mmengine.config import Config
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor

from mmmask.commands.arguments import add_cfg_options, run_tool
from mmmask.config.build import build_model, scope_of
from mmmask.config.init_cfg import pretrained_of
from mmmask.config.options import check_own_parts, merge_options
from mmmask.config.read import read_config
from mmmask.transfer.facts import facts
from mmmask.transfer.loading import load_strictly
from mmmask.transfer.normalisation import Normalisation, normalisation_of_config
from mmmask.transfer.own_loaders import strict_own_loaders
from mmmask.transfer.verify import (
    TOLERANCE,
    Comparison,
    compare_normalisation,
    compare_with_source,
    source_of,
)
from mmmask.utils.errors import UserError, one_line


def build_parser() -> argparse.ArgumentParser:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        'verify_transfer.py',
        description="Build a config's model, initialise it from a checkpoint, and show block by "
        "block that its backbone computes what timm's model computes with the file's tensors (or, "
        'where timm has none, its own class as the config in the file builds it).',
    )
    parser.add_argument('config', help='a downstream config of mmpretrain, mmdet or mmseg')
    parser.add_argument('checkpoint', help='the file for its backbone')
    parser.add_argument('--image', metavar='FILE', help='an image to look at [noise]')
    add_cfg_options(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    return run_tool(build_parser(), run, argv)


def run(args: argparse.Namespace) -> None:
    """Build, compare, print.

    Raises:
        UserError: If the checkpoint doesn't fit, or features differ.
    """
    cfg = read_config(args.config)
    merge_options(cfg, args.cfg_options)
    check_own_parts(cfg)
    model_cfg = cfg.get('model') or {}
    whole, backbone = model_cfg.get('init_cfg'), model_cfg.get('backbone', {}).get('init_cfg')
    init_cfg = pretrained_of(whole) or pretrained_of(backbone)
    if init_cfg is None:
        raise UserError(
            f"model.backbone.init_cfg of '{args.config}' is {backbone}: nothing would be loaded. "
            "Give it init_cfg=dict(type='Pretrained', checkpoint=...)."
        )
    init_cfg['checkpoint'] = args.checkpoint
    if init_cfg is pretrained_of(whole):
        init_cfg = dict(init_cfg, prefix='backbone.')
    images = None if args.image is None else _read_image(args.image, normalisation_of_config(cfg))
    _verify(_build(cfg).backbone, init_cfg, cfg, images)


def _build(cfg: Config) -> nn.Module:
    """The config's model, initialised as in a training; warnings of that are shown."""
    try:
        with scope_of(cfg, level='WARNING'):
            model = build_model(cfg, keep=['init_cfg', 'backbone'])
            with strict_own_loaders(model):
                model.init_weights()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"The config's model can't be built: {one_line(error)}") from error
    return model


def _verify(module: nn.Module, init_cfg: Mapping, cfg: Config, images: Tensor | None) -> None:
    """Print how far a backbone's features are from its file's.

    Raises:
        UserError: If they differ, or images are normalised otherwise.
    """
    checkpoint, selection, allow = source_of(module, init_cfg)
    with scope_of(cfg):
        print(load_strictly(module, checkpoint, selection, allow))
    comparison = compare_with_source(module, checkpoint, selection, images, allow)
    print(f'{type(module).__name__} and {comparison.against}')
    _print_blocks(comparison)
    known, in_config = facts(checkpoint, selection), normalisation_of_config(cfg)
    print(f'images in pre-training: {known.normalisation or "not told"}')
    print(f'images in the config:   {in_config or "not told"}')
    differs, note = compare_normalisation(checkpoint, selection, cfg)
    if differs:
        raise UserError(note)
    if not comparison.equal:
        raise UserError(f'{checkpoint.path} was loaded, but the features differ: see above.')


def _print_blocks(comparison: Comparison) -> None:
    print('block  largest relative difference')
    for index, error in enumerate(comparison.errors):
        print(f'{index:>5}  {error:.1e}{"" if error <= TOLERANCE else "  <- differs"}')
    print(f'{"equal" if comparison.equal else "NOT equal"}: {comparison}')


def _read_image(path: str, normalisation: Normalisation | None) -> Tensor:
    """(1, 3, H, W), normalised as the config says."""
    try:
        with Image.open(path) as image:
            pixels = pil_to_tensor(image.convert('RGB'))[None].float()
    except OSError as error:
        raise UserError(f"--image: '{path}' is no image that can be read.") from error
    if normalisation is None:
        return pixels / 255
    if normalisation.channels == 'BGR':
        pixels = pixels.flip(1)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (normalisation.mean, normalisation.std))
    return (pixels - mean) / std
