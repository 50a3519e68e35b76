"""ConvMAE's encoder: convolutions where the map is fine, a transformer where it is coarse."""

import math

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from mmpretrain.models.utils import LayerNorm2d, resize_pos_embed
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.config.init_cfg import pretrained_of
from mmmask.models.initialise import draw_linear_layers
from mmmask.utils.errors import check_choice

from .masked_tokens import check_mask, enlarge, keep, visible_indices
from .position import sincos_position_embedding

_ARCHS = dict(
    small=dict(embed_dims=(128, 256, 384), depths=(2, 2, 11), num_heads=6),
    base=dict(embed_dims=(256, 384, 768), depths=(2, 2, 11), num_heads=12),
)
_EPS = 1e-6
"""Of the transformer's norms; those of stems and convolutional blocks have torch's own 1e-5."""


class ConvStem(nn.Sequential):
    """Patches that don't overlap: strided convolution, norm over channels, GELU."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, stride, stride),
            LayerNorm2d(channels),
            nn.GELU(),
        )


class MaskedConvBlock(nn.Module):
    """A transformer block with a depth-wise 5 x 5 convolution in the place of attention.

    Args:
        channels: Width C.
        drop_path: Chance that a sample leaves out a branch.
    """

    def __init__(self, channels: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.ln1 = LayerNorm2d(channels)
        self.inward = nn.Conv2d(channels, channels, 1)
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.outward = nn.Conv2d(channels, channels, 1)
        self.ln2 = LayerNorm2d(channels)
        self.ffn = nn.Sequential(
            nn.Conv2d(channels, 4 * channels, 1), nn.GELU(), nn.Conv2d(4 * channels, channels, 1)
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Mix neighbours, then channels.

        Args:
            x: (B, C, H, W).
            mask: (B, 1, H, W) bool, True = masked: such places are 0 for their neighbours.

        Returns:
            (B, C, H, W); what it has at masked places depends on them, and is for no one's use.
        """
        inner = self.inward(self.ln1(x))
        if mask is not None:
            inner = inner.masked_fill(mask, 0)
        x = x + self.drop_path(self.outward(self.depthwise(inner)))
        return x + self.drop_path(self.ffn(self.ln2(x)))


@MODELS.register_module()
class MaskedConvMAE(BaseModule):
    """ConvMAE's encoder (arXiv 2205.03892), which drops masked patches as a ViT does for MAE.

    Two stages of convolutions, at strides 4 and 8, then transformer blocks at stride 16. A patch of
    16 x 16 pixels is masked in all of them: convolutions see 0 in its place, and the transformer
    doesn't see it at all. So nothing of it reaches a visible token. The two finer maps, projected
    to the grid of patches, are added to the last block's output: the multi-scale features that the
    decoder gets.

    There is no CLS token. The first token is the *mean* of the tokens that the encoder has seen, as
    for ``MaskedSwinTransformer``; mmpretrain's MAE decoder takes it for the CLS token. The
    published decoder has the patches' tokens only.

    Args:
        arch: ``'small'``, ``'base'``, or a dict of ``embed_dims`` (three widths), ``depths`` (of
            three stages) and ``num_heads`` (of the third).
        img_size: Size of the images.
        strides: Of the three stages, each relative to the one before.
        fuse: Whether the finer maps are added. Published fine-tuning leaves them out: set False,
            ``init_cfg.allow=dict(unexpected=['fusions.*'])`` and ``out_type='avg_featmap'``.
        drop_path_rate: Of the last block; it grows from 0 over all blocks.
        out_type: ``'raw'`` (all tokens, the mean first) or, for fine-tuning, ``'avg_featmap'`` (the
            mean of the last block's tokens, normalised by a new norm; the old one is left out). As
            published, fine-tuning trains the position embeddings, which are fixed otherwise.
        init_cfg: As every mm module's.

    Raises:
        ValueError: If the architecture or ``out_type`` is another, or the image isn't made of whole
            patches.
    """

    mask_mode = 'drop'
    with_mask_token = False
    with_cls_token = False
    cls_token = None
    first_is_mean = True
    #: The blocks, which attention is read off, see patches only. The mean of the output's tokens is
    #: the same with the mean token as without.
    num_extra_tokens = 0
    #: How position embeddings are resized to other images.
    interpolate_mode = 'bicubic'

    def __init__(
        self,
        arch: str | dict = 'base',
        img_size: int = 224,
        strides: tuple[int, int, int] = (4, 2, 2),
        fuse: bool = True,
        drop_path_rate: float = 0.0,
        out_type: str = 'raw',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if isinstance(arch, str) and arch not in _ARCHS:
            raise ValueError(f'arch must be one of {", ".join(_ARCHS)} or a dict, got {arch!r}.')
        check_choice('out_type', out_type, ('raw', 'avg_featmap'))
        arch = _ARCHS[arch] if isinstance(arch, str) else arch
        widths, depths = arch['embed_dims'], arch['depths']
        self.patch_size = math.prod(strides)
        if img_size % self.patch_size:
            raise ValueError(f'img_size {img_size} is no multiple of {self.patch_size}.')
        self.out_type, self.embed_dims, self.num_layers = out_type, widths[-1], depths[-1]
        self.img_size = (img_size, img_size)
        self.patch_resolution = (img_size // self.patch_size,) * 2
        last = max(sum(depths) - 1, 1)
        rates = [drop_path_rate * block / last for block in range(sum(depths))]

        self.stems = nn.ModuleList(
            ConvStem(before, width, stride)
            for before, width, stride in zip((3, *widths), widths, strides)
        )
        self.conv_stages = nn.ModuleList(
            nn.ModuleList(MaskedConvBlock(width, rates.pop(0)) for _ in range(depth))
            for width, depth in zip(widths[:2], depths)
        )
        self.projection = nn.Linear(self.embed_dims, self.embed_dims)
        self.pos_embed = nn.Parameter(
            sincos_position_embedding(*self.patch_resolution, self.embed_dims),
            requires_grad=out_type == 'avg_featmap',
        )
        self.layers = nn.ModuleList(
            TransformerEncoderLayer(
                self.embed_dims,
                arch['num_heads'],
                4 * self.embed_dims,
                drop_path_rate=rate,
                norm_cfg=dict(type='LN', eps=_EPS),
            )
            for rate in rates
        )
        self.final_norm = out_type == 'raw'
        norm = 'ln1' if self.final_norm else 'ln2'  # mmpretrain's names
        self.add_module(norm, nn.LayerNorm(self.embed_dims, eps=_EPS))
        fused = zip(widths[:2], (self.patch_size // strides[0], strides[2])) if fuse else ()
        self.fusions = nn.ModuleList(
            nn.Conv2d(width, self.embed_dims, stride, stride) for width, stride in fused
        )

    def init_weights(self) -> None:
        """Xavier-uniform for linear layers and the last stem, as MAE; torch's own for the rest."""
        super().init_weights()
        if pretrained_of(self.init_cfg) is not None:
            return
        draw_linear_layers(self, nn.init.xavier_uniform_)
        nn.init.xavier_uniform_(self.stems[-1][0].weight.data.flatten(1))

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of patches of an image (a last, partial patch is padded)."""
        return math.ceil(height / self.patch_size), math.ceil(width / self.patch_size)

    token_grid = grid

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Depth of a parameter and the number of depths, for layer-wise learning rates.

        As published: 0 for everything in front of the transformer, i + 1 for its block i, and the
        last for what follows.

        Args:
            param_name: Its name in the whole model.
            prefix: The name of this network there; what isn't below it follows the network.
        """
        depths = self.num_layers + 2
        first, *rest = param_name.removeprefix(prefix).split('.')
        if not param_name.startswith(prefix) or first in ('ln1', 'ln2', 'fusions'):
            return depths - 1, depths
        return (int(rest[0]) + 1 if first == 'layers' else 0), depths

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            x: Images, (B, 3, H, W).
            mask: (B, L) bool, True = masked, over the L patches in row-major order; None: nothing
                is masked.

        Returns:
            One output, (B, 1 + V, C): the mean of the V visible tokens, then they in row-major
            order; V = L without a mask. Or, with ``out_type='avg_featmap'``, (B, C).

        Raises:
            ValueError: If the mask's shape isn't that of the patches, or images of the batch would
                keep different numbers of patches.
        """
        rows, columns = self.grid(*x.shape[-2:])
        missing = (columns * self.patch_size - x.shape[-1], rows * self.patch_size - x.shape[-2])
        x = F.pad(x, (0, missing[0], 0, missing[1]))
        visible = None
        if mask is not None:
            check_mask(mask, (len(x), rows * columns))
            visible = visible_indices(mask)
            mask = mask.view(-1, 1, rows, columns)

        finer = []
        for stem, blocks in zip(self.stems, self.conv_stages):
            x = stem(x)
            at_stage = None if mask is None else enlarge(mask, *[x.shape[-2] // rows] * 2)
            for block in blocks:
                x = block(x, at_stage)
            finer.append(x)
        positions = resize_pos_embed(
            self.pos_embed,
            self.patch_resolution,
            (rows, columns),
            mode=self.interpolate_mode,
            num_extra_tokens=0,
        )
        tokens = self.projection(_tokens(self.stems[-1](x))) + positions
        tokens = keep(tokens, visible)
        for layer in self.layers:
            tokens = layer(tokens)
        for fusion, features in zip(self.fusions, finer):
            tokens = tokens + keep(_tokens(fusion(features)), visible)
        if not self.final_norm:
            return (self.ln2(tokens.mean(dim=1)),)
        tokens = self.ln1(tokens)
        return (torch.cat((tokens.mean(dim=1, keepdim=True), tokens), dim=1),)


def _tokens(maps: Tensor) -> Tensor:
    """Return tokens (B, L, C) of maps (B, C, h, w)."""
    return maps.flatten(2).transpose(1, 2)
