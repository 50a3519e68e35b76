"""Score patches, without gradient."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.utils.errors import UserError
from mmmask.utils.modes import evaluating

from .vit_tap import ViTTap


@MODELS.register_module()
class OnlineScorer:
    """Score by the network that is being trained, on the whole image (ccMIM; GPA's option).

    The extra pass is in evaluation mode and leaves no trace. Dropout and drop path draw nothing,
    batch normalisation counts nothing, and all modules have their modes back afterwards.

    Args:
        attention: Config of a tap.

    Raises:
        UserError: If the tap keeps the heads apart.
    """

    def __init__(self, attention: dict) -> None:
        self.attention = _build_tap(attention)

    def __call__(self, views: Tensor, backbone: nn.Module) -> Tensor:
        """Return scores (B, L) of views (B, 3, H, W) by a backbone."""
        with evaluating(backbone):
            return _read(self.attention, backbone, views)


@MODELS.register_module()
class TeacherScorer(OnlineScorer):
    """Score by the pass of the EMA teacher, which happens anyway (AttMask; MST).

    ``SelfDistillation`` reads the attention off the teacher's pass over the global views. Called as
    other scorers are, with the teacher's backbone, it gives the same scores by another pass.
    """


@MODELS.register_module()
class FrozenScorer(BaseModule):
    """Score by a pre-trained network that isn't trained (GPA's teacher).

    Its weights come from the checkpoint that its config names, in any format that the strict
    initialiser reads, whenever weights are initialised. ``parameters()`` and ``state_dict()`` don't
    have them: no optimiser, average or data-parallel wrapper sees them, and checkpoints of the
    training stay small and load without them. Images come as the algorithm's data preprocessor
    normalises them: its mean and standard deviation must be those of the checkpoint's training.

    Args:
        backbone: Config of a network with an ``init_cfg``. None, given explicitly, leaves random
            weights, e.g. to measure a step.
        attention: Config of a tap. A ViT's blocks behind the last that it reads are dropped.
        size: Side of the images that the network sees; they are resized to it, and the scores back
            to the grid of the mask. Half the side costs a quarter. None: as they are.

    Raises:
        UserError: If the backbone has no ``init_cfg``, or the tap keeps the heads apart.
    """

    def __init__(self, backbone: dict, attention: dict, size: int | None = None) -> None:
        super().__init__()
        if 'init_cfg' not in backbone:
            raise UserError(
                'FrozenScorer needs trained weights: give scorer.backbone.init_cfg='
                "dict(type='Pretrained', checkpoint=...)"
            )
        self._frozen = [MODELS.build(backbone)]  # in a list, nn.Module doesn't see it
        self.attention = _build_tap(attention)
        self.size = size
        self._freeze()

    @property
    def backbone(self) -> nn.Module:
        """Return the frozen network."""
        return self._frozen[0]

    def init_weights(self) -> None:
        """Load the checkpoint, then drop the blocks that no score depends on."""
        super().init_weights()
        self.backbone.init_weights()
        if isinstance(self.attention, ViTTap):
            blocks = self.attention.indices(self.backbone)
            self.attention.blocks = tuple(blocks)  # no longer counted from the end
            del self.backbone.layers[blocks[-1] + 1 :]
        self._freeze()

    def _freeze(self) -> None:
        self.backbone.requires_grad_(False)
        for module in self.backbone.modules():
            module.training = False

    def _apply(self, fn: Callable, recurse: bool = True) -> nn.Module:
        """Take the network along with ``to()``, ``cuda()``, ``double()`` and the like."""
        self.backbone._apply(fn)
        return super()._apply(fn, recurse)

    def forward(self, views: Tensor, backbone: nn.Module) -> Tensor:
        """Return scores (B, L) of views (B, 3, H, W).

        Args:
            views: The views, normalised.
            backbone: The network that is being trained; only its grid is asked for, the mask's.

        Raises:
            RuntimeError: If the checkpoint hasn't been loaded.
            UserError: If the grids differ and there is no ``size``.
        """
        if self.backbone.init_cfg and not self.backbone.is_init:
            raise RuntimeError(
                "FrozenScorer's checkpoint hasn't been loaded: call init_weights() first."
            )
        grid = backbone.grid(*views.shape[-2:])
        if self.size is not None:
            size = (self.size, self.size)
            views = F.interpolate(views, size=size, mode='bicubic', antialias=True)
        own = _grid(self.backbone, *views.shape[-2:])
        if own != grid and self.size is None:
            raise UserError(
                f"FrozenScorer's patches are a grid of {own}, the mask's of {grid}: take a network "
                'with the same patch size, or set `size`'
            )
        scores = _read(self.attention, self.backbone, views)
        if own == grid:
            return scores
        maps = scores.unflatten(1, own).unsqueeze(1)
        return F.interpolate(maps, size=grid, mode='bilinear', antialias=True).flatten(1)


def check_scorer(scorer: Callable | None, needed: bool, teacher: bool = False) -> None:
    """Check that an algorithm has a scorer where a part needs scores, and only there.

    Args:
        scorer: The built scorer, or None.
        needed: Whether the masker or another part takes scores.
        teacher: Whether the algorithm has an EMA teacher.

    Raises:
        UserError: If the scorer is missing, useless, or needs a teacher that isn't there.
    """
    if needed and scorer is None:
        raise UserError('The masker or a decoder needs scores: give `scorer`')
    if scorer is not None and not needed:
        raise UserError('No part uses scores: leave out `scorer`')
    if isinstance(scorer, TeacherScorer) and not teacher:
        raise UserError("TeacherScorer needs an EMA teacher: set scorer.type='OnlineScorer'")


def _build_tap(attention: dict) -> Callable:
    tap = MODELS.build(attention)
    if tap.per_head:
        raise UserError('A scorer gives one score for each patch: leave out attention.per_head')
    return tap


def _grid(backbone: nn.Module, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of scores; mmpretrain's own ViT has no ``grid``."""
    if hasattr(backbone, 'grid'):
        return backbone.grid(height, width)
    rows, columns = backbone.patch_embed.projection.stride
    return -(-height // rows), -(-width // columns)  # a last, partial patch is padded


@torch.no_grad()
def _read(tap: Callable, backbone: nn.Module, views: Tensor) -> Tensor:
    with tap(backbone) as record:
        backbone(views)
    # Under autocast, the casts of weights that this pass made have no gradient, and the training's
    # pass would take them from the cache.
    torch.clear_autocast_cache()
    return record.scores()
