"""Prove that a config's backbone computes what a checkpoint's network does, and print it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mmengine.config import Config
from mmpretrain.registry import MODELS
from PIL import Image

from mmmask.config.build import scope_of
from mmmask.config.init_cfg import pretrained_of
from mmmask.config.options import read_with_options
from mmmask.transfer import compare_with_source, load_strictly
from mmmask.transfer.initialiser import strict_loading
from mmmask.transfer.normalisation import (
    KNOWN,
    compare_normalisation,
    normalisation_of_config,
    pretraining_normalisation,
)
from mmmask.transfer.verify import TOLERANCE, source_of
from mmmask.utils.errors import UserError, explained

from .probe import normalise


def print_proof(config: str, checkpoint: str, options: Mapping, image: str | None) -> None:
    """Build a config's backbone from a checkpoint, and print how its features compare.

    Args:
        config: Name of a downstream config.
        checkpoint: The file for its backbone.
        options: Values set over the config, by dotted key.
        image: File of the image to look at; None for noise.

    Raises:
        UserError: If the checkpoint doesn't fit, features differ, or images are normalised
            otherwise than in pre-training.
    """
    cfg = read_with_options(config, options)
    init_cfg = dict(_init_cfg_of(cfg, config), checkpoint=checkpoint)
    in_config = normalisation_of_config(cfg)
    images = None
    if image is not None:
        images = normalise([_read(image)], in_config or KNOWN['imagenet'])
    with explained("The config's model can't be built"), scope_of(cfg, level='WARNING'):
        backbone = MODELS.build({**cfg.model.backbone, 'init_cfg': init_cfg})
        with strict_loading(backbone):  # as in a training
            backbone.init_weights()
    source, selection, allow = source_of(backbone, init_cfg)
    with scope_of(cfg):
        print(load_strictly(backbone, source, selection, allow))
    comparison = compare_with_source(backbone, source, selection, images, allow)
    print(f'{type(backbone).__name__} and {comparison.against}')
    print('block  largest relative difference')
    for index, error in enumerate(comparison.errors):
        print(f'{index:>5}  {error:.1e}{"" if error <= TOLERANCE else "  <- differs"}')
    print(f'{comparison.verdict}: {comparison}')
    in_file, _ = pretraining_normalisation(source, selection)
    print(f'images in pre-training: {in_file or "not told"}')
    print(f'images in the config:   {in_config or "not told"}')
    differs, note = compare_normalisation(source, selection, cfg)
    if differs:
        raise UserError(note)
    if not comparison.equal:
        raise UserError(f'{source.path} was loaded, but the features differ: see above.')


def _init_cfg_of(cfg: Config, name: str) -> Mapping:
    """Return the ``init_cfg`` by which a config's backbone reads a checkpoint."""
    model = cfg.get('model') or {}
    if whole := pretrained_of(model.get('init_cfg')):
        return dict(whole, prefix='backbone.')
    backbone = (model.get('backbone') or {}).get('init_cfg')
    if found := pretrained_of(backbone):
        return found
    raise UserError(
        f"model.backbone.init_cfg of '{name}' is {backbone}: nothing would be loaded. "
        "Give it init_cfg=dict(type='Pretrained', checkpoint=...)."
    )


def _read(path: str) -> np.ndarray:
    """Read an image, (H, W, 3) uint8, RGB."""
    try:
        with Image.open(path) as image:
            return np.array(image.convert('RGB'))
    except OSError as error:
        raise UserError(f"--image: '{path}' is no image that can be read.") from error
