"""Scores of patches by a forward pass of their own, without gradient."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .query_key import ending_after


@MODELS.register_module()
class OnlineScorer:
    """Scores by the network that is being trained, on the whole image (ccMIM; GPA's option).

    The extra pass is in evaluation mode and leaves no trace: dropout and drop path draw nothing,
    and the modes of all modules are as before. It ends behind the last block that is read.

    Args:
        attention: Config of a tap.
    """

    def __init__(self, attention: dict) -> None:
        self.attention = MODELS.build(attention)

    def __call__(self, views: Tensor, backbone: nn.Module) -> Tensor:
        """Scores (B, L) of views (B, 3, H, W) by a backbone."""
        with _evaluating(backbone):
            return _read(self.attention, backbone, views)


@MODELS.register_module()
class FrozenScorer(BaseModule):
    """Scores by a pre-trained ViT that isn't trained (GPA's teacher).

    Its weights come from the checkpoint that its config names, in any format that the strict
    initialiser reads, whenever weights are initialised; they are no part of ``state_dict()``, so
    checkpoints of the training stay small. Images are normalised as the algorithm normalises them:
    a checkpoint that wants other values than the algorithm's has to get them there.

    Args:
        backbone: Config of a ViT with an ``init_cfg``. None, given explicitly, leaves random
            weights: a control.
        attention: Config of a tap. The pass ends behind the last block that it reads.
        size: Side of the images that the ViT sees; they are resized to it and the scores back to
            the grid of the mask, bilinearly. Half the side costs a quarter. None: as they are.

    Raises:
        ValueError: If the backbone has no ``init_cfg``.
    """

    def __init__(self, backbone: dict, attention: dict, size: int | None = None) -> None:
        super().__init__()
        if 'init_cfg' not in backbone:
            raise ValueError(
                'FrozenScorer needs trained weights: give scorer.backbone.init_cfg='
                "dict(type='Pretrained', checkpoint=...)."
            )
        frozen = MODELS.build(backbone)
        frozen.requires_grad_(False)
        frozen.eval()
        self._frozen = [frozen]  # in a list, nn.Module doesn't see it
        self.attention = MODELS.build(attention)
        self.size = size

    @property
    def backbone(self) -> nn.Module:
        """The frozen ViT."""
        return self._frozen[0]

    def init_weights(self) -> None:
        """Load the checkpoint."""
        self.backbone.init_weights()
        self.backbone.requires_grad_(False)
        self.backbone.eval()

    def _apply(self, fn, recurse: bool = True) -> nn.Module:
        self.backbone._apply(fn)
        return super()._apply(fn, recurse)

    def forward(self, views: Tensor, backbone: nn.Module) -> Tensor:
        """Scores (B, L) of views (B, 3, H, W).

        Args:
            views: The views, normalised.
            backbone: The network that is being trained; its grid is the mask's.

        Raises:
            ValueError: If the grids differ.
        """
        grid = backbone.grid(*views.shape[-2:])
        if self.size is not None:
            size = (self.size, self.size)
            views = F.interpolate(views, size=size, mode='bicubic', antialias=True)
        rows, columns = self.backbone.patch_embed.projection.stride
        own = (views.shape[-2] // rows, views.shape[-1] // columns)
        scores = _read(self.attention, self.backbone, views)
        if own == grid:
            return scores
        if self.size is None:
            raise ValueError(
                f"FrozenScorer's patches are a grid of {own}, the mask's of {grid}: take a ViT "
                'with the same patch size, or set `size`.'
            )
        maps = scores.unflatten(1, own).unsqueeze(1)
        return F.interpolate(maps, size=grid, mode='bilinear', antialias=True).flatten(1)


@torch.no_grad()
def _read(tap, backbone: nn.Module, views: Tensor) -> Tensor:
    indices = getattr(tap, 'indices', None)  # a Swin's tap has none
    end = nullcontext() if indices is None else ending_after(backbone, indices(backbone)[-1])
    with tap(backbone) as record, end:
        backbone(views)
    # Under autocast, the casts of weights that this pass made have no gradient, and the training's
    # pass would take them from the cache.
    torch.clear_autocast_cache()
    return record.scores()


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode; every module's own mode afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
