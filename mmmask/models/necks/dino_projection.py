"""Project tokens to prototypes, as DINO and iBOT do."""

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from mmmask.models.initialise import draw_linear_layers, trunc_normal


@MODELS.register_module()
class DINOProjection(BaseModule):
    """Apply an MLP, normalise, then a weight-normalised linear layer without bias (DINO).

    The two halves are separate methods because they cost differently: the bottleneck is wanted for
    every token, the K logits only where a loss looks. The last layer is linear, so the mean of the
    logits over tokens is the logits of the mean bottleneck.

    Args:
        in_channels: Width C of the tokens.
        out_channels: Number K of prototypes.
        hidden_channels: Width of the MLP's hidden layers.
        bottleneck_channels: Width D of the bottleneck.
        num_layers: Number of linear layers of the MLP, the bottleneck's included.
        norm_last_layer: Fix the gain of the last layer at 1 (DINO's option); else it is trained
            (AttMask's recipe).
        norm_cfg: Config of a norm behind each hidden layer, before its GELU (DINO's ``use_bn``;
            MST, Section 4.6): ``dict(type='BN')`` or ``dict(type='SyncBN')``; None: no norm. Its
            statistics are those of all tokens of a call.
        init_cfg: As every mm module's.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 2048,
        bottleneck_channels: int = 256,
        num_layers: int = 3,
        norm_last_layer: bool = True,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_layers < 1:
            raise ValueError(
                f'DINOProjection needs at least one layer, got num_layers={num_layers}.'
            )
        layers: list[nn.Module] = []
        width = in_channels
        for _ in range(num_layers - 1):
            layers.append(nn.Linear(width, hidden_channels))
            if norm_cfg is not None:
                layers.append(_norm_of_vectors(norm_cfg, hidden_channels))
            layers.append(nn.GELU())
            width = hidden_channels
        self.mlp = nn.Sequential(*layers, nn.Linear(width, bottleneck_channels))
        self.last_layer = weight_norm(nn.Linear(bottleneck_channels, out_channels, bias=False))
        gain = self.last_layer.parametrizations.weight.original0
        nn.init.ones_(gain)
        gain.requires_grad = not norm_last_layer

    def init_weights(self) -> None:
        super().init_weights()
        draw_linear_layers(self.mlp, trunc_normal)

    def bottleneck(self, tokens: Tensor) -> Tensor:
        """Return L2-normalised bottleneck features, (..., C) -> (..., D)."""
        features = self.mlp(tokens.flatten(0, -2))  # flat: BatchNorm takes (N, C)
        return F.normalize(features, dim=-1).unflatten(0, tokens.shape[:-1])

    def logits(self, bottleneck: Tensor) -> Tensor:
        """Return prototype logits, (..., D) -> (..., K); linear in its argument."""
        return self.last_layer(bottleneck)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of tokens, (..., C) -> (..., K)."""
        return self.logits(self.bottleneck(tokens))


def _norm_of_vectors(norm_cfg: dict, channels: int) -> nn.Module:
    """Build a norm of vectors; mmcv's 'BN' is for images."""
    kind = 'BN1d' if norm_cfg['type'] == 'BN' else norm_cfg['type']
    return build_norm_layer({**norm_cfg, 'type': kind}, channels)[1]
