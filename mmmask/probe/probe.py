"""Ask a network what it attends to, hides, knows and restores."""

from __future__ import annotations

import copy
import inspect
import logging
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from torch import Tensor, nn

from mmmask.models.attention import (
    AttentionTap,
    ReceivedAttentionTap,
    SwinAttentionTap,
    TeacherScorer,
)
from mmmask.models.attention.vit_tap import AttentionRecord
from mmmask.models.maskers import BaseMasker
from mmmask.models.tokens import TokenReader
from mmmask.transfer import read_checkpoint
from mmmask.transfer.normalisation import (
    KNOWN,
    Normalisation,
    normalisation_of_config,
    pretraining_normalisation,
)
from mmmask.utils.device import pick_device
from mmmask.utils.errors import UserError, one_line

from .network import (
    UNTRAINED,
    build_backbone,
    build_network,
    describe_backbone,
    is_pretraining,
    own_config,
)


class Unavailable(UserError):
    """Tells what a network can't give, and why."""


class Probe:
    """A network in evaluation mode.

    - A pre-training's config gives its whole model, which the checkpoint must fit completely.
    - Another config, or ``backbone_only``, gives the backbone, from any checkpoint that is read.
    - Our own checkpoint gives the whole model, by the config that it keeps.
    - Any other file gives the backbone that its tensors and descriptions tell.

    Args:
        checkpoint: A file; 'none': an untrained network, which needs a config.
        config: The config, or None.
        source: 'teacher', 'student', or 'auto': the teacher where there is one.
        size: Side of the images in pixels; None: as in pre-training.
        device: Device that the network runs on.
        seed: Seed of an untrained network.
        backbone_only: Leave decoders, maskers and scorers out.

    Attributes:
        model: The whole model, or None.
        backbone: The network whose attention is read.
        source: Its name in the file, e.g. 'teacher'.
        size: Side of the images, S pixels.
        grid: Rows h and columns w of patches.
        normalisation: Means and deviations of the images.
        normalisation_source: Says where the normalisation is known from.

    Raises:
        UserError: If the network can't be built, the checkpoint doesn't fit, there is no such
            source, or the size is no whole number of patches.
    """

    def __init__(
        self,
        checkpoint: str,
        config: Config | None = None,
        source: str = 'auto',
        size: int | None = None,
        device: str = 'cpu',
        seed: int = 0,
        backbone_only: bool = False,
    ) -> None:
        device = pick_device(device)
        if config is None and checkpoint == UNTRAINED:
            raise UserError('An untrained network needs a config: give one.')
        self.model: nn.Module | None = None
        if config is None:
            self._read_file(checkpoint, source, backbone_only)
        else:
            self._normalise_as(config)
            if backbone_only or not is_pretraining(config):
                file = None if checkpoint == UNTRAINED else read_checkpoint(checkpoint)
                self.backbone, self.source = build_backbone(config, file, source, seed)
            else:
                self.model = build_network(config, checkpoint, seed)
                self.backbone, self.source = _choose(self.model, source)
        if self.model is not None:
            self.model.to(device)
        self.backbone.to(device)
        self.device = device
        is_vit = hasattr(self.backbone, 'layers') and hasattr(self.backbone, 'patch_embed')
        if not is_vit and not hasattr(self.backbone, 'grid'):
            raise UserError(
                f"Attention is read off a ViT's blocks, and {type(self.backbone).__name__} is none."
            )
        self.size = _side(self.backbone) if size is None else size
        self.grid = _grid(self.backbone, self.size)
        takes_mask = 'mask' in inspect.signature(self.backbone.forward).parameters
        self._unmasked = dict(mask=None) if takes_mask else {}

    def _read_file(self, checkpoint: str, source: str, backbone_only: bool) -> None:
        """Build the network that a file describes: our whole model, or else its backbone."""
        file = read_checkpoint(checkpoint)
        config = None if backbone_only else own_config(file)
        if config is not None:
            try:
                self.model = build_network(config, file)
                self.backbone, self.source = _choose(self.model, source)
                self._normalise_as(config)
                return
            except UserError as error:  # an earlier version's config; a scorer's file that is gone
                what = 'its backbone alone is read, as its own config gives no model'
                print_log(f'{checkpoint}: {what} ({one_line(error)}).', 'current', logging.WARNING)
                self.model = None
        config, selection = describe_backbone(file, source)
        known, self.normalisation_source = pretraining_normalisation(file, selection)
        if known is None:
            self.normalisation_source = "ImageNet's, as the file doesn't tell"
        self.normalisation = known or KNOWN['imagenet']
        self.backbone, self.source = build_backbone(config, file, source)

    def _normalise_as(self, config: Config) -> None:
        """Take a config's normalisation; without any, pixels stay as they are."""
        plain = Normalisation((0.0,) * 3, (1.0,) * 3)
        self.normalisation = normalisation_of_config(config) or plain
        self.normalisation_source = 'the config'

    def inputs(self, images: Sequence[np.ndarray]) -> Tensor:
        """Normalise B images (S, S, 3) uint8, RGB, as the network sees them: (B, 3, S, S)."""
        return normalise(images, self.normalisation, self.device)

    def pixels(self, inputs: Tensor) -> np.ndarray:
        """Undo :meth:`inputs` for one image (3, S, S): (S, S, 3) uint8, RGB."""
        mean, std = (np.asarray(v) for v in (self.normalisation.mean, self.normalisation.std))
        values = inputs.detach().cpu().numpy().transpose(1, 2, 0) * std + mean
        values = values if self.normalisation.channels == 'RGB' else values[..., ::-1]
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    @torch.no_grad()
    def read(
        self, images: Sequence[np.ndarray], taps: dict[str, Callable]
    ) -> dict[str, AttentionRecord]:
        """Return what several taps read during one pass.

        Args:
            images: B images, (S, S, 3) uint8, RGB.
            taps: Taps by any name.

        Raises:
            Unavailable: If the network hasn't what a tap reads.
        """
        with ExitStack() as stack:
            try:
                records = {n: stack.enter_context(tap(self.backbone)) for n, tap in taps.items()}
            except ValueError as error:
                raise Unavailable(str(error)) from error
            self.backbone(self.inputs(images), **self._unmasked)
        return records

    def attention(self, image: np.ndarray) -> np.ndarray:
        """Return CLS attention in the last block, (H, h, w) of H heads; a Swin's received one.

        Raises:
            Unavailable: If the network has neither.
        """
        if self._is_swin:
            own = getattr(self._scorer, 'attention', None)
            tap = copy.copy(own) if isinstance(own, SwinAttentionTap) else SwinAttentionTap()
            tap.per_head = True
        else:
            tap = AttentionTap(blocks=(-1,), per_head=True)
        scores = self.read([image], dict(tap=tap))['tap'].scores()[0]
        return self._map(scores[:, -self.num_patches :])  # behind register tokens

    @property
    def attention_name(self) -> str:
        """Name what :meth:`attention` returns."""
        if self._is_swin:
            return "attention that a patch receives within the last stage's windows"
        return 'attention of CLS in the last block'

    def received_attention(
        self, image: np.ndarray, block: int | None = None, head: int | str | None = None
    ) -> np.ndarray:
        """Return GPA's scores, (h, w): attention that each patch receives from the others.

        Args:
            image: (S, S, 3) uint8, RGB.
            block: Block, negative from the end. With ``head`` also None: as the model's own scorer
                reads it, else the last.
            head: Head, likewise; 'sum': the sum over heads.

        Raises:
            Unavailable: If the network isn't a ViT, or the block or the head doesn't exist.
        """
        if self.reads_received and block is None and head is None:
            return self._map(self._ask_scorer(image, self.backbone))
        if hasattr(self.backbone, 'register_tokens'):
            raise Unavailable(
                'register tokens would count as patches: received attention is left out'
            )
        own = self._scorer.attention if self.reads_received else ReceivedAttentionTap()
        block, head = (-1 if at is None else at for at in (block, head))
        tap = ReceivedAttentionTap(block, head, role=own.role)
        return self._map(self.read([image], dict(tap=tap))['tap'].scores()[0])

    def received_name(self, block: int | None = None, head: int | str | None = None) -> str:
        """Name the head, block and network that :meth:`received_attention` reads."""
        network = f'the {self.source}'
        if self.reads_received and block is None and head is None:
            tap = self._scorer.attention
            block, head = (tap.blocks if tap.blocks == 'all' else tap.blocks[0]), tap.head
            frozen = isinstance(self._scorer, nn.Module)
            network = "the config's frozen scorer" if frozen else f'{network} (as in its config)'
        block, head = (-1 if at is None else at for at in (block, head))
        of_block = 'the last block' if block == -1 else f'block {block}'
        of_head = {-1: 'last head', 'sum': 'sum over heads'}.get(head, f'head {head}')
        return f'{of_head} of {of_block} of {network}'

    @property
    def masker(self) -> Callable | None:
        """Return the model's own masker; None without one."""
        return getattr(self.model, 'masker', None)

    @property
    def reads_received(self) -> bool:
        """Return whether the model has a scorer of its own that reads received attention."""
        return isinstance(getattr(self._scorer, 'attention', None), ReceivedAttentionTap)

    def own_scores(self, image: np.ndarray) -> np.ndarray | None:
        """Return the scores that the model's masker gets in training, (h, w); None without any."""
        if self._scorer is None:
            return None
        by_teacher = isinstance(self._scorer, TeacherScorer)
        backbone = self.model.teacher.backbone if by_teacher else self.model.backbone
        return self._map(self._ask_scorer(image, backbone))

    def mask(self, masker: BaseMasker, scores: np.ndarray | None = None) -> np.ndarray:
        """Draw one mask, (h, w) bool, from torch's generator.

        Args:
            masker: Any masker.
            scores: (h, w), for maskers that need scores.
        """
        tensor = None
        if scores is not None and masker.needs_scores:
            tensor = torch.from_numpy(scores.reshape(1, -1).copy())
        return masker(self.grid, 1, tensor).view(self.grid).numpy()

    @torch.no_grad()
    def features(self, image: np.ndarray) -> np.ndarray:
        """Return the global feature, (C,): the first token, or the mean over a map."""
        output = self.backbone(self.inputs([image]), **self._unmasked)[-1][0]
        if output.ndim == 3:
            return output.mean(dim=(1, 2)).cpu().numpy()
        return (output[0] if output.ndim == 2 else output).cpu().numpy()

    @torch.no_grad()
    def patches(self, image: np.ndarray) -> np.ndarray:
        """Return the features of the patches behind the final norm, (h, w, C)."""
        tokens = TokenReader(self.backbone, [('patches', -1)])(self.inputs([image]))[0][0]
        side = math.isqrt(len(tokens))
        return tokens.unflatten(0, (side, side)).cpu().numpy()

    @torch.no_grad()
    def reconstruction(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Mask an image as in training, and restore it; masks are drawn from torch's generator.

        Returns:
            ``mask`` (h, w) bool; ``prediction`` (S, S, 3) uint8; where the model predicts scores,
            ``scores`` and ``predicted_scores`` (h, w).

        Raises:
            Unavailable: If the model predicts no pixels.
        """
        if hasattr(self.model, 'reconstruct'):
            try:
                found = self.model.reconstruct(self.inputs([image]))
            except ValueError as error:
                raise Unavailable(str(error)) from error
        elif getattr(self.model, 'restoration', None) is not None:
            found = self._restore(image)
        elif self.model is None:
            raise Unavailable('this checkpoint has no decoder: its backbone alone is read')
        else:
            raise Unavailable(f'{type(self.model).__name__} of this config predicts no pixels.')
        prediction = self.pixels(found['prediction'][0])
        result = dict(mask=self._map(found['mask'][0]), prediction=prediction)
        if 'predicted_scores' in found:
            for key in ('scores', 'predicted_scores'):
                result[key] = self._map(found[key][0]).astype(np.float64)
        return result

    @property
    def num_patches(self) -> int:
        """Return the number L of patches."""
        return self.grid[0] * self.grid[1]

    @property
    def _is_swin(self) -> bool:
        return hasattr(self.backbone, 'stages')

    @property
    def _scorer(self) -> Callable | None:
        return getattr(self.model, 'scorer', None)

    def _map(self, scores: Tensor) -> np.ndarray:
        """Return (..., h, w) of (..., L)."""
        return scores.unflatten(-1, self.grid).cpu().numpy()

    @torch.no_grad()
    def _ask_scorer(self, image: np.ndarray, backbone: nn.Module) -> Tensor:
        try:
            return self._scorer(self.inputs([image]), backbone)[0]
        except ValueError as error:
            raise Unavailable(str(error)) from error

    def _restore(self, image: np.ndarray) -> dict[str, Tensor]:
        """Decode the student's tokens of the masked image (MST)."""
        model, inputs = self.model, self.inputs([image])
        if model.masker is None:
            mask = torch.zeros(1, self.num_patches, dtype=torch.bool)
            tokens = model.backbone(inputs)[-1]
        else:
            masker = copy.copy(model.masker)
            masker.prob = 1.0  # an unmasked image would show nothing
            mask = torch.from_numpy(self.mask(masker, self.own_scores(image))).reshape(1, -1)
            tokens = model.backbone(inputs, mask)[-1]
        grid = model.backbone.token_grid(self.size, self.size)
        restored = model.restoration.decoder(tokens[:, 1:], grid)
        return dict(mask=mask, prediction=restored[..., : self.size, : self.size])


def normalise(
    images: Sequence[np.ndarray], normalisation: Normalisation, device: str = 'cpu'
) -> Tensor:
    """Normalise B images (H, W, 3) uint8, RGB: (B, 3, H, W), in the normalisation's channels."""
    pixels = torch.from_numpy(np.stack(images)).to(device).float()
    pixels = pixels if normalisation.channels == 'RGB' else pixels.flip(-1)
    mean, std = (pixels.new_tensor(v) for v in (normalisation.mean, normalisation.std))
    return ((pixels - mean) / std).permute(0, 3, 1, 2)


def _choose(model: nn.Module, source: str) -> tuple[nn.Module, str]:
    """Return a model's teacher or student, and its name."""
    teacher = getattr(getattr(model, 'teacher', None), 'backbone', None)
    if source == 'teacher' and teacher is None:
        raise UserError(f'{type(model).__name__} has no teacher: leave out --source.')
    if teacher is not None and source != 'student':
        return teacher, 'teacher'
    if not hasattr(getattr(model, 'backbone', None), 'grid'):
        raise UserError(
            f'{type(model).__name__} has no backbone with a grid of patches to look at: give a '
            'config of SelfDistillation or MaskedAutoencoder.'
        )
    return model.backbone, 'student'


def _side(backbone: nn.Module) -> int:
    """Return the side of the images that a backbone was built for."""
    if (size := getattr(backbone, 'img_size', None)) is not None:
        return int(size if isinstance(size, int) else size[0])
    return backbone.patch_resolution[0] * backbone.patch_embed.projection.stride[0]


def _grid(backbone: nn.Module, size: int) -> tuple[int, int]:
    """Return rows and columns of patches of square images.

    Raises:
        UserError: If they aren't a whole number of patches.
    """
    if hasattr(backbone, 'mask_stride'):
        step = backbone.mask_stride
    elif hasattr(backbone, 'patch_embed'):
        step = backbone.patch_embed.projection.stride[0]
    else:
        step = backbone.patch_size
    if size % step:
        near = max(round(size / step), 1) * step
        raise UserError(
            f'--size {size} is no whole number of patches of {step} pixels: take {near}, e.g.'
        )
    return size // step, size // step
