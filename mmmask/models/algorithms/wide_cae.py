"""Train CAE with a regressor and a decoder that are wider than the encoder."""

import torch
from mmpretrain.models.selfsup import CAE
from mmpretrain.models.utils import build_2d_sincos_position_embedding
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..initialise import draw_linear_layers


@MODELS.register_module()
class WideCAE(CAE):
    """mmpretrain's CAE (arXiv 2202.03026) whose neck may have another width than the encoder.

    CAE-S has an encoder of 384 channels, a regressor and a decoder of 768. As published, a linear
    layer and a norm bring the tokens of the encoder to the neck's width, and the teacher's tokens
    too, without a gradient. Positions in the neck are sines and cosines of its width. With equal
    widths everything is the parent's.

    Args:
        **kwargs: The parent's.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        narrow, wide = self.backbone.embed_dims, self.neck.embed_dim
        self.widen = None
        if narrow != wide:
            self.widen = nn.Sequential(nn.Linear(narrow, wide), nn.LayerNorm(wide, eps=1e-6))
            positions = build_2d_sincos_position_embedding(self.backbone.patch_resolution, wide)
            self.register_buffer('positions', positions, persistent=False)  # (1, L, D)

    def init_weights(self) -> None:
        """Draw the first weights; those of the linear layer are Xavier-uniform, as published."""
        super().init_weights()
        if self.widen is not None:
            draw_linear_layers(self.widen, nn.init.xavier_uniform_)

    def loss(self, inputs: list[Tensor], data_samples: list, **kwargs) -> dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            inputs: The images of the encoder, (B, 3, H, W), and those of the tokenizer.
            data_samples: B samples with a ``mask``, (rows, columns), True = masked.

        Returns:
            The parent's ``loss``, ``main`` and ``align``.
        """
        if self.widen is None:
            return super().loss(inputs, data_samples, **kwargs)
        images, pictures = inputs
        mask = torch.stack([sample.mask for sample in data_samples]).flatten(1).bool()  # (B, L)
        visible = self.widen(self.backbone(images, mask)[:, 1:])
        with torch.no_grad():
            latents = self.widen(self.teacher(images, ~mask)[:, 1:])
            self.momentum_update()
        positions = self.positions.expand(len(mask), -1, -1)
        masked, seen = (positions[side].unflatten(0, (len(mask), -1)) for side in (mask, ~mask))
        logits, predicted = self.neck(visible, masked, seen)
        main, align = self.head.loss(
            logits.flatten(0, 1), self.target_generator(pictures), predicted, latents, mask
        )
        return dict(loss=main + align, main=main, align=align)
