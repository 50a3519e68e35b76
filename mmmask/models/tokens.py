"""Read what stands for an image, or for its patches, off any block of a backbone."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import ExitStack

import torch
from mmpretrain.models.backbones import BEiTViT, VisionTransformer
from torch import Tensor, nn

from mmmask.utils.attributes import attribute_set
from mmmask.utils.errors import UserError, check_choice

TOKENS = ('cls', 'gap', 'gap_normed', 'patches')
"""What can be read of a block, see :class:`TokenReader`."""


class TokenReader:
    """Read tokens of chosen blocks in one forward pass, whatever the backbone's ``out_type``.

    B images, E leading tokens (CLS, registers), L patches, width C.

    - ``'cls'``: the CLS token behind the final norm (DINO), (B, C).
    - ``'gap'``: the mean patch token *before* the final norm of a ViT with a CLS token, as the
      published evaluation of AttMask's Table A10, (B, C). Other networks, a Swin among them, have
      their norm before the mean, as in DINO's code.
    - ``'gap_normed'``: the mean patch token behind the final norm, (B, C).
    - ``'patches'``: all patch tokens behind the final norm, (B, L, C), in row-major order.

    Each block of a ViT is normalised by the *same* final norm, as in DINO's linear evaluation. The
    blocks of a Swin or a ResNet are its stages. Those before a Swin's last have no norm, and their
    tokens are read as they are. A network of another kind has its last output only.

    A backbone of pre-training gets whole images: where ``forward`` takes a mask, it is None.
    (Without the argument, mmpretrain's MAE would mask.)

    Args:
        backbone: A ViT with or without a CLS token, a Swin or a ResNet. Or any network that gives
            maps, or all tokens behind their mean.
        parts: What to read: pairs of a token's name and the index of a block, which may be negative
            from the end.

    Raises:
        UserError: If a name is unknown, the network has no CLS token, or not as many blocks.
    """

    def __init__(self, backbone: nn.Module, parts: Sequence[tuple[str, int]]) -> None:
        self.backbone = backbone
        self.is_vit = isinstance(backbone, (VisionTransformer, BEiTViT))
        self._with_cls = self.is_vit and backbone.with_cls_token
        depth = backbone.num_layers if self.is_vit else max(len(self._stages), 1)
        kind = type(backbone).__name__
        for token, layer in parts:
            check_choice('token', token, TOKENS)
            if token == 'cls' and not self._with_cls:
                raise UserError(
                    f"{kind} has no CLS token, so it gives no 'cls': set feature='gap' (of k-NN) "
                    "or token='gap'"
                )
            if not -depth <= layer < depth:
                raise UserError(f'layer = {layer}, but {kind} has {depth} blocks')
        self.parts = [(token, layer % depth) for token, layer in parts]
        self.layers = sorted({layer for _, layer in self.parts})
        self._depth = depth
        masks = 'mask' in inspect.signature(backbone.forward).parameters
        self._whole = dict(mask=None) if masks else {}

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Return each part, float32 (or float64), of normalised images (B, 3, H, W)."""
        outputs = self._vit_outputs(images) if self.is_vit else self._stage_outputs(images)
        return [_at_least_float32(self._read(t, outputs[layer])) for t, layer in self.parts]

    def _read(self, token: str, output: Tensor) -> Tensor:
        """Read a token of one block's output: tokens of :meth:`_vit_outputs`, or of a stage."""
        if output.dim() == 2:  # it is pooled already
            return output
        if output.dim() == 4:
            patches = output.flatten(2).transpose(1, 2)
            return patches if token == 'patches' else _at_least_float32(output).mean(dim=(2, 3))
        extra = 0
        if self.is_vit:
            registers = getattr(self.backbone, 'register_tokens', output[:, :0])
            extra = self.backbone.num_extra_tokens + registers.shape[1]
        if token == 'cls':
            return self._norm(output[:, 0])
        patches = output[:, extra:]
        if token != 'gap' or not self._with_cls:
            patches = self._norm(patches)
        return patches if token == 'patches' else _at_least_float32(patches).mean(dim=1)

    def _norm(self, tokens: Tensor) -> Tensor:
        normed = self.is_vit and self.backbone.final_norm
        return self.backbone.ln1(tokens) if normed else tokens

    def _vit_outputs(self, images: Tensor) -> dict[int, Tensor]:
        """Return all tokens of each chosen block before the final norm, (B, E + L, C)."""
        settings = dict(out_type='raw', out_indices=self.layers, final_norm=False)
        with ExitStack() as stack:
            for name, value in settings.items():
                stack.enter_context(attribute_set([self.backbone], name, value))
            return dict(zip(self.layers, self.backbone(images, **self._whole)))

    def _stage_outputs(self, images: Tensor) -> dict[int, Tensor]:
        """Return (B, L, C) or (B, C, h, w) of each chosen stage: the last behind its norm."""
        outputs: dict[int, Tensor] = {}

        def keep(layer: int, output: Tensor | tuple[Tensor, tuple[int, int]]) -> None:
            outputs[layer] = output if isinstance(output, Tensor) else output[0]

        with ExitStack() as stack:
            for layer in self.layers:
                if layer < self._depth - 1:
                    hook = self._stages[layer].register_forward_hook(
                        lambda _, __, output, layer=layer: keep(layer, output)
                    )
                    stack.callback(hook.remove)
            last = self.backbone(images, **self._whole)[-1]
        if last.dim() == 3 and getattr(self.backbone, 'first_is_mean', False):
            last = last[:, 1:]
        return {**outputs, self._depth - 1: last}

    @property
    def _stages(self) -> list[nn.Module]:
        if hasattr(self.backbone, 'stages'):
            return list(self.backbone.stages)
        return [getattr(self.backbone, name) for name in getattr(self.backbone, 'res_layers', ())]


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def last_blocks(token: str, layer: int = -1, n_blocks: int = 1) -> list[tuple[str, int]]:
    """Return the parts of one token of ``n_blocks`` blocks, of which ``layer`` is the last.

    Raises:
        UserError: If there is no block, or fewer than ``n_blocks`` up to ``layer``.
    """
    first = layer - n_blocks + 1
    if n_blocks < 1 or (layer >= 0 > first):
        raise UserError(f'n_blocks = {n_blocks}, but there are {layer + 1} blocks up to {layer}')
    return [(token, block) for block in range(first, layer + 1)]
