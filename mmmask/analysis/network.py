"""The backbone that is asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.config.build import scope_of
from mmmask.config.read import read_config
from mmmask.models.attention.vit_tap import AttentionRecord
from mmmask.transfer import Allowed, load_strictly, read_checkpoint
from mmmask.transfer.formats import select
from mmmask.utils.errors import UserError, explained

SOURCES = ('auto', 'teacher', 'student')


class Network:
    """A config's ViT with a checkpoint's weights, in evaluation mode.

    Args:
        config: A config with ``model.backbone``: a path, or ``package::path``.
        checkpoint: Any pre-training's file, loaded strictly; ``'none'``: an untrained network.
        source: Which backbone of it: 'teacher', 'student' or 'auto', the teacher where there is
            one.
        size: Side of its input; None: the backbone's own.
        device: Where it runs.
        seed: Of an untrained network.

    Raises:
        UserError: If the config has no ViT, the checkpoint doesn't fit, or the size isn't a whole
            number of patches.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str,
        source: str = 'auto',
        size: int | None = None,
        device: str = 'cpu',
        seed: int = 0,
    ) -> None:
        if device == 'cuda' and not torch.cuda.is_available():
            raise UserError('--device cuda: there is no GPU.')
        cfg = read_config(config)
        settings = (cfg.get('model') or {}).get('backbone')
        if not settings:
            raise UserError(f"The config '{config}' has no model.backbone to ask.")
        with scope_of(cfg), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            with explained("The config's backbone can't be built"):
                backbone = MODELS.build({**settings, 'init_cfg': None})
            if not hasattr(backbone, 'layers') or not hasattr(backbone, 'patch_embed'):
                raise UserError(
                    f"Attention is read off a ViT's blocks, and {type(backbone).__name__} is none."
                )
            if checkpoint == 'none':
                backbone.init_weights()
                self.source = 'untrained'
            else:
                self.source = _load(backbone, checkpoint, source)
        self.backbone: nn.Module = backbone.to(device)
        self.backbone.train(False)
        self.device = device
        self.size = size or _side(backbone.img_size)
        self.grid = _grid(backbone, self.size)
        self._whole = (
            dict(mask=None) if 'mask' in inspect.signature(backbone.forward).parameters else {}
        )
        self._mean, self._std, self._rgb = _normalisation(cfg)

    @torch.no_grad()
    def __call__(
        self, images: list[np.ndarray], taps: dict[str, Callable]
    ) -> dict[str, AttentionRecord]:
        """What taps read of one pass.

        Args:
            images: B of them, (size, size, 3) uint8, RGB.
            taps: By any name.

        Returns:
            Their records, by the same names.

        Raises:
            UserError: If the network hasn't what a tap reads.
        """
        pixels = torch.from_numpy(np.stack(images)).to(self.device).float()
        pixels = (pixels if self._rgb else pixels.flip(-1)).permute(0, 3, 1, 2)
        inputs = (pixels - self._mean.to(pixels)) / self._std.to(pixels)
        with ExitStack() as stack:
            try:
                records = {
                    name: stack.enter_context(tap(self.backbone)) for name, tap in taps.items()
                }
            except ValueError as error:
                raise UserError(str(error)) from error
            self.backbone(inputs, **self._whole)
        return records


def _load(backbone: nn.Module, path: str, source: str) -> str:
    """Load a checkpoint; gives which part of it that was."""
    checkpoint = read_checkpoint(path)
    selection = select(checkpoint, source, None, backbone.state_dict())
    load_strictly(backbone, checkpoint, selection, Allowed())
    return selection.label


def _side(size: int | tuple[int, int]) -> int:
    return int(size if isinstance(size, int) else size[0])


def _grid(backbone: nn.Module, size: int) -> tuple[int, int]:
    steps = backbone.patch_embed.projection.stride
    if any(size % step for step in steps):
        near = max(round(size / steps[0]), 1) * steps[0]
        raise UserError(
            f'--size {size} is no whole number of patches of {steps[0]} pixels: take {near}, e.g.'
        )
    return size // steps[0], size // steps[1]


def _normalisation(cfg: Config) -> tuple[Tensor, Tensor, bool]:
    """Mean and standard deviation (3, 1, 1) of the config's images, and whether they are RGB."""
    settings = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    rgb = bool(settings.get('to_rgb') or settings.get('bgr_to_rgb'))
    mean, std = settings.get('mean'), settings.get('std')
    if mean is None or std is None:
        return torch.zeros(3, 1, 1), torch.ones(3, 1, 1), rgb
    # BEiT's preprocessors normalise two pictures of an image: the first is the network's.
    return torch.tensor(mean[:3]).view(3, 1, 1), torch.tensor(std[:3]).view(3, 1, 1), rgb
