"""The network that is looked at, and what can be asked of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmmask.config.build import build_model, scope_of
from mmmask.config.checkpoints import check_named_checkpoints, check_readable
from mmmask.models.attention import (
    AttentionTap,
    ReceivedAttentionTap,
    SwinAttentionTap,
    TeacherScorer,
)
from mmmask.transfer import load_full
from mmmask.utils.errors import UserError, explained
from mmmask.visualization import denormalise


class Unavailable(UserError):
    """A model can't give a picture; the message says why."""


def build_subject(config: Config, checkpoint: str, source: str | None = None) -> Subject:
    """Build a config's model with a checkpoint's weights, in evaluation mode on the CPU.

    Args:
        config: A pre-training config.
        checkpoint: Weights of the whole model, loaded strictly and without running their pickles.
        source: 'teacher' or 'student'; None: the teacher where there is one.

    Raises:
        UserError: If the model can't be built, the checkpoint isn't this model's, or there is no
            such network in it.
    """
    check_readable(checkpoint)
    if not config.get('model'):
        raise UserError('The config has no model: give one of pre-training.')
    # A frozen scorer's weights aren't in the checkpoint: they come from the file of its own.
    check_named_checkpoints(Config(dict(model=dict(scorer=config.model.get('scorer')))))
    with scope_of(config):
        with explained("The config's model can't be built"):
            model = build_model(config, keep=['scorer'])
        scorer = getattr(model, 'scorer', None)
        if isinstance(scorer, nn.Module):
            scorer.init_weights()
        load_full(model, checkpoint)
    model.train(False)
    teacher = getattr(getattr(model, 'teacher', None), 'backbone', None)
    if source == 'teacher' and teacher is None:
        raise UserError(f'{type(model).__name__} has no teacher: leave out --source.')
    backbone = getattr(model, 'backbone', None) if source == 'student' or not teacher else teacher
    if not hasattr(backbone, 'grid'):
        raise UserError(
            f'{type(model).__name__} has no backbone with a grid of patches to look at: give a '
            'config of SelfDistillation or MaskedAutoencoder.'
        )
    return Subject(model, backbone, 'teacher' if backbone is teacher else 'student')


@dataclass(frozen=True)
class Subject:
    """A network in evaluation mode.

    Attributes:
        model: The whole model.
        backbone: The one whose attention is read.
        source: What that is, 'teacher' or 'student'.
    """

    model: nn.Module
    backbone: nn.Module
    source: str

    @property
    def size(self) -> int:
        """Side of the images that it was trained on."""
        return self.backbone.patch_resolution[0] * self.backbone.patch_embed.projection.stride[0]

    @property
    def own_masker(self) -> Callable | None:
        """What hides patches in training."""
        return getattr(self.model, 'masker', None)

    def grid(self, image: np.ndarray) -> tuple[int, int]:
        """Rows and columns of the patches that are scored and masked.

        Raises:
            UserError: If the image isn't a whole number of them.
        """
        height, width = image.shape[:2]
        rows, columns = self.backbone.grid(height, width)
        if height % rows or width % columns or self.backbone.grid(height + 1, width)[0] == rows:
            raise UserError(
                f'Images of {height} pixels are no whole number of patches: choose another --size, '
                f'e.g. {self.size}.'
            )
        return rows, columns

    @torch.no_grad()
    def inputs(self, image: np.ndarray) -> Tensor:
        """An image (H, W, 3) uint8, RGB, as the network sees it, (1, 3, H, W)."""
        bgr = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None]  # as mm loads images
        return self.model.data_preprocessor(dict(inputs=bgr, data_samples=None))['inputs']

    def image(self, inputs: Tensor) -> np.ndarray:
        """Undo :meth:`inputs` for one image (3, H, W): (H, W, 3) uint8, RGB."""
        preprocessor = self.model.data_preprocessor
        mean, std = 0.0, 1.0
        if preprocessor._enable_normalize:
            mean, std = preprocessor.mean.numpy(), preprocessor.std.numpy()
        pixels = denormalise(inputs.detach().numpy(), mean, std)
        return pixels if preprocessor._channel_conversion else pixels[..., ::-1]

    def attention(self, image: np.ndarray) -> np.ndarray:
        """Attention of CLS in the last block, (H, h, w) of H heads; a Swin's received attention.

        Raises:
            Unavailable: If the network has neither.
        """
        if hasattr(self.backbone, 'stages'):
            own = getattr(getattr(self.model, 'scorer', None), 'attention', None)
            tap = copy.copy(own) if isinstance(own, SwinAttentionTap) else SwinAttentionTap()
            tap.per_head = True
        else:
            tap = AttentionTap(blocks=(-1,), per_head=True)
        return self._read(tap, image)[0].unflatten(-1, self.grid(image)).numpy()

    @property
    def attention_name(self) -> str:
        """What :meth:`attention` is, in words."""
        if hasattr(self.backbone, 'stages'):
            return "attention that a patch receives within the last stage's windows"
        return 'attention of CLS in the last block'

    def received(
        self, image: np.ndarray, block: int | None = None, head: int | str | None = None
    ) -> np.ndarray:
        """GPA's scores, (h, w): attention that each patch receives from the others.

        Args:
            image: (H, W, 3) uint8.
            block: None with ``head`` None: as the config's own scorer reads them, else the last.
            head: None: as ``block``.

        Raises:
            Unavailable: If the network isn't a ViT, or the block or the head doesn't exist.
        """
        if self.reads_received and block is None and head is None:
            scores = self._ask_scorer(image, self.backbone)
        else:
            own = self.model.scorer.attention if self.reads_received else ReceivedAttentionTap()
            tap = ReceivedAttentionTap(
                block=-1 if block is None else block,
                head=-1 if head is None else head,
                role=own.role,
                softmax=own.softmax,
            )
            scores = self._read(tap, image)
        return scores[0].unflatten(-1, self.grid(image)).numpy()

    def received_name(self, block: int | None = None, head: int | str | None = None) -> str:
        """Which attention :meth:`received` reads, in words."""
        who = f'the {self.source}'
        if self.reads_received and block is None and head is None:
            tap = self.model.scorer.attention
            frozen = isinstance(self.model.scorer, nn.Module)
            block, head = (tap.blocks if tap.blocks == 'all' else tap.blocks[0]), tap.head
            who = (
                "the config's frozen scorer" if frozen else f'the {self.source} (as in its config)'
            )
        block, head = (-1 if at is None else at for at in (block, head))
        of_block = 'the last block' if block == -1 else f'block {block}'
        of_head = {-1: 'last head', 'sum': 'sum over heads'}.get(head, f'head {head}')
        return f'{of_head} of {of_block} of {who}'

    def own_scores(self, image: np.ndarray) -> np.ndarray | None:
        """What the model's own masker is given in training, (h, w); None if it takes no scores."""
        scorer = getattr(self.model, 'scorer', None)
        if scorer is None:
            return None
        by_teacher = isinstance(scorer, TeacherScorer)
        backbone = self.model.teacher.backbone if by_teacher else self.model.backbone
        scores = self._ask_scorer(image, backbone)
        return scores[0].unflatten(-1, self.grid(image)).numpy()

    @property
    def reads_received(self) -> bool:
        """Whether the config has a scorer of its own that reads received attention."""
        scorer = getattr(self.model, 'scorer', None)
        return isinstance(getattr(scorer, 'attention', None), ReceivedAttentionTap)

    @torch.no_grad()
    def _ask_scorer(self, image: np.ndarray, backbone: nn.Module) -> Tensor:
        try:
            return self.model.scorer(self.inputs(image), backbone)
        except ValueError as error:
            raise Unavailable(str(error)) from error

    @torch.no_grad()
    def _read(self, tap: Callable, image: np.ndarray, backbone: nn.Module | None = None) -> Tensor:
        backbone = self.backbone if backbone is None else backbone
        try:
            with tap(backbone) as record:
                backbone(self.inputs(image))
        except ValueError as error:
            raise Unavailable(str(error)) from error
        return record.scores()
