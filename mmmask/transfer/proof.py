"""Print a proof of a transfer: features of the initialised model beside those of the file."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.config import Config
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor

from mmmask.config.build import build_model, scope_of
from mmmask.config.init_cfg import pretrained_of
from mmmask.config.options import check_own_parts, merge_options
from mmmask.config.read import read_config
from mmmask.utils.errors import UserError, one_line

from .initialiser import strict_loading
from .loading import load_strictly
from .normalisation import (
    Normalisation,
    compare_normalisation,
    normalisation_of_config,
    pretraining_normalisation,
)
from .verify import (
    TOLERANCE,
    Comparison,
    compare_with_source,
    source_of,
)


def print_proof(config: str, checkpoint: str, options: dict, image: str | None) -> None:
    """Build a config's model from a checkpoint, and print how its features compare with the file's.

    Args:
        config: Name of a downstream config.
        checkpoint: The file for its backbone.
        options: Values set over the config, by dotted key.
        image: File of the image to look at; None: noise.

    Raises:
        UserError: If the checkpoint doesn't fit, or features differ.
    """
    cfg = read_config(config)
    merge_options(cfg, options)
    check_own_parts(cfg)
    model_cfg = cfg.get('model') or {}
    whole, backbone = model_cfg.get('init_cfg'), model_cfg.get('backbone', {}).get('init_cfg')
    init_cfg = pretrained_of(whole) or pretrained_of(backbone)
    if init_cfg is None:
        raise UserError(
            f"model.backbone.init_cfg of '{config}' is {backbone}: nothing would be loaded. "
            "Give it init_cfg=dict(type='Pretrained', checkpoint=...)."
        )
    init_cfg['checkpoint'] = checkpoint
    if init_cfg is pretrained_of(whole):
        init_cfg = dict(init_cfg, prefix='backbone.')
    images = None if image is None else _read_image(image, normalisation_of_config(cfg))
    _verify(_build(cfg).backbone, init_cfg, cfg, images)


def _build(cfg: Config) -> nn.Module:
    """Build the config's model, and initialise it as a training does, with its warnings."""
    try:
        with scope_of(cfg, level='WARNING'):
            model = build_model(cfg, keep=['init_cfg', 'backbone'])
            with strict_loading(model):
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
    known, _ = pretraining_normalisation(checkpoint, selection)
    print(f'images in pre-training: {known or "not told"}')
    print(f'images in the config:   {normalisation_of_config(cfg) or "not told"}')
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
    """Read an image (1, 3, H, W), normalised as the config says."""
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
