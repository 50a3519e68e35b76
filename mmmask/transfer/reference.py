"""Build the network that a transfer is compared with, from the file's tensors alone."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import zip_longest

import torch
from timm.layers import QuickGELU, SwiGLUPacked, resize_rel_pos_bias_table
from timm.models.beit import Beit
from timm.models.deit import VisionTransformerDistilled
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmmask.utils.errors import UserError, one_line
from mmmask.utils.modes import evaluating

from .checkpoint import Checkpoint
from .description import (
    Architecture,
    Kind,
    architecture,
    backbone_config,
    kind_of,
    table_window,
)
from .formats import Selection
from .names import (
    BEIT,
    MMPRETRAIN,
    TABLE,
    TIMM_SWIN,
    TIMM_VIT,
    Naming,
    from_mmpretrain,
    to_mmpretrain,
)
from .positions import position_layout, prefix_tokens, take_row_of_cls_token

# A second table of Hugging Face's names, as timm's: the rules of the first are to be proven, too.
_HUGGING_FACE = (
    (r'^embeddings\.patch_embeddings\.projection\.', 'patch_embed.proj.'),
    (r'^embeddings\.position_embeddings$', 'pos_embed'),
    (r'^embeddings\.register_tokens$', 'reg_token'),
    (r'^embeddings\.', ''),
    (r'^layernorm\.', 'norm.'),
    (r'^encoder\.layer\.', 'blocks.'),
    (r'\.attention\.output\.dense\.', '.attn.proj.'),
    (r'\.layernorm_before\.', '.norm1.'),
    (r'\.layernorm_after\.', '.norm2.'),
    (r'\.intermediate\.dense\.|\.mlp\.weights_in\.', '.mlp.fc1.'),
    (r'\.output\.dense\.|\.mlp\.weights_out\.', '.mlp.fc2.'),
    (r'\.layer_scale([12])\.lambda1$', r'.ls\1.gamma'),
)


ACTIVATIONS = {'GELU(tanh)': partial(nn.GELU, approximate='tanh'), 'QuickGELU': QuickGELU}
"""Activations besides GELU, by the names that settings have."""


class CannotCompare(UserError):
    """No other implementation of such a backbone is known."""


def build_as_saved(
    kind: type[nn.Module], checkpoint: Checkpoint, selection: Selection
) -> nn.Module:
    """Build a backbone from the file's tensors and its own config, strictly, for evaluation.

    Args:
        kind: The class that it has to be.
        checkpoint: The file.
        selection: Its part.

    Raises:
        CannotCompare: If the file keeps no config, or one with another class.
    """
    arguments = backbone_config(checkpoint)
    if str(arguments.pop('type', '')).split('.')[-1] != kind.__name__:
        raise CannotCompare(
            f"{kind.__name__} is no ViT, BEiT or Swin, and the file doesn't keep one's config"
        )
    for name in ('init_cfg', 'pretrained'):
        arguments.pop(name, None)
    try:
        model = kind(**arguments)
        model.load_state_dict(selection.tensors)
    except Exception as error:  # the arguments are the file's: anything may be raised
        reason = ' '.join(str(error).split())[:300]
        raise CannotCompare(f'the config in the file gives no such backbone: {reason}') from error
    model.eval()
    return model


def build_reference(
    tensors: Mapping[str, Tensor],
    heads: int | None,
    eps: float,
    grids: list[tuple[int, int]],
    known_grid: tuple[int, int] | None = None,
    window: int | None = None,
    with_cls_token: bool = True,
    naming: Naming = MMPRETRAIN,
    activation: str | None = None,
    resizes: Sequence[str] = (),
) -> nn.Module:
    """Build timm's model with a backbone's tensors, strictly, in evaluation mode.

    Args:
        tensors: The file's, by mmpretrain's names.
        heads: Attention heads, where shapes don't show them.
        eps: Epsilon of layer norms.
        grids: Grids (rows, columns) of patches to which position embeddings are interpolated one
            after the other; the last is that of the images.
        known_grid: The file's grid, if its metadata tells; else a square.
        window: Window of a Swin, to which relative positions are interpolated. None for the file's.
        with_cls_token: False leaves the CLS token out, as some dense models do.
        naming: The file's own names. Hugging Face's are put into timm's by a table of this module;
            others are timm's, or so near that a wrong rule shows.
        activation: Of the MLPs; None for GELU, or for a gated MLP's.
        resizes: How position embeddings are interpolated to each of ``grids``, 'size' or 'dino';
            by default 'size'.

    Raises:
        CannotCompare: If it is no ViT, BEiT or Swin, or has a tensor that timm's model hasn't.
    """
    tensors = {
        name: value.detach().float().cpu()
        for name, value in tensors.items()
        if name != 'mask_token' and not name.endswith('relative_position_index')
    }
    if naming.of_hugging_face:
        tensors = _of_hugging_face(naming, tensors)
    kind, shape, grid = kind_of(tensors), architecture(tensors), grids[-1]
    rows = 0
    if kind in (Kind.VIT, Kind.BEIT) and 'pos_embed' in tensors:
        rows = _resize_positions(tensors, grids, known_grid, resizes)
    if kind is Kind.SWIN:
        naming, timms, options = TIMM_SWIN, SwinTransformer, _swin(tensors, shape, window)
    elif kind is Kind.BEIT:
        naming, timms, options = BEIT, Beit, _beit(tensors, shape, heads, grid)
    elif kind is Kind.VIT and heads is not None:
        distilled = 'dist_token' in tensors and with_cls_token
        naming, timms = TIMM_VIT, VisionTransformerDistilled if distilled else VisionTransformer
        options = _vit(tensors, shape, heads, grid, rows, with_cls_token)
    else:
        raise CannotCompare('only plain ViT, BEiT and Swin can be compared block by block')
    if activation not in (None, 'GELU'):
        if activation not in ACTIVATIONS:
            raise CannotCompare(f"timm's model has no activation '{activation}'")
        options['act_layer'] = ACTIVATIONS[activation]
    model = timms(
        img_size=tuple(side * shape.patch_size for side in grid),
        patch_size=shape.patch_size,
        in_chans=shape.in_channels,
        num_classes=0,
        embed_dim=shape.embed_dims,
        norm_layer=partial(nn.LayerNorm, eps=eps),
        **{'mlp_ratio': shape.mlp_width / shape.embed_dims, **options},
    )
    try:
        result = model.load_state_dict(from_mmpretrain(naming, tensors), strict=False)
    except (KeyError, RuntimeError) as error:
        reason = one_line(error)[:150]
        raise CannotCompare(f"timm's model can't hold the file's tensors ({reason})") from error
    wrong = [*result.missing_keys, *result.unexpected_keys]
    wrong = [name for name in wrong if not name.startswith(('norm.', 'fc_norm.'))]
    if wrong:
        raise CannotCompare(f"timm's model can't hold the file's tensors ({wrong[0]})")
    return model.eval()


def _of_hugging_face(naming: Naming, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors mmpretrain's names anew, by way of timm's names."""
    found: OrderedDict[str, Tensor] = OrderedDict()
    for name, value in from_mmpretrain(naming, tensors).items():
        for pattern, timms in _HUGGING_FACE:
            name = re.sub(pattern, timms, name)
        found[name] = value
    parts = r'\.attention\.attention\.query\.'
    for query in [name for name in found if re.search(parts, name)]:
        names = [query.replace('.query.', f'.{part}.') for part in ('query', 'key', 'value')]
        joint = query.replace('.attention.attention.query.', '.attn.qkv.')
        found[joint] = torch.cat([found.pop(name) for name in names])
    return to_mmpretrain(TIMM_VIT, found)[0]


def _vit(
    tensors: dict[str, Tensor],
    shape: Architecture,
    heads: int,
    grid: tuple[int, int],
    rows: int,
    with_cls_token: bool,
) -> dict:
    """Return options of timm's ViT, and put the tensors into its form.

    ``rows`` of the position embeddings are prefix tokens'.
    """
    if 'pos_embed' in tensors:
        if not with_cls_token:
            for name in prefix_tokens(tensors):
                del tensors[name]
            tensors['pos_embed'], rows = tensors['pos_embed'][:, rows:], 0
        if 'register_tokens' in tensors and 'cls_token' in tensors:
            take_row_of_cls_token(tensors, grid)  # timm then has none
            rows = 0
    options = dict(
        depth=shape.depth,
        num_heads=heads,
        qkv_bias='layers.0.attn.qkv.bias' in tensors,
        init_values=1.0 if 'layers.0.attn.gamma1.weight' in tensors else None,
        pre_norm='pre_norm.weight' in tensors,
    )
    if 'layers.0.ffn.w12.weight' in tensors:
        ratio = 2 * shape.mlp_width / shape.embed_dims
        options.update(mlp_ratio=ratio, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU)
    if 'dist_token' not in tensors:
        registers = tensors.get('register_tokens', torch.zeros(1, 0, 1)).shape[1]
        options.update(
            class_token='cls_token' in tensors,
            no_embed_class=rows == 0,
            reg_tokens=registers,
            global_pool='',
        )
    return options


def _resize_positions(
    tensors: dict[str, Tensor],
    grids: list[tuple[int, int]],
    known_grid: tuple[int, int] | None,
    resizes: Sequence[str],
) -> int:
    """Interpolate position embeddings in place, and return the number of prefix tokens' rows."""
    prefix = len(prefix_tokens(tensors))
    rows, grid = position_layout(tensors['pos_embed'], prefix, known_grid)
    prefix, patches = tensors['pos_embed'].split([rows, grid[0] * grid[1]], dim=1)
    patches = patches.unflatten(1, grid).permute(0, 3, 1, 2)
    for size, resize in zip_longest(grids, resizes, fillvalue='size'):
        old = patches.shape[2:]
        if old != size:
            wanted = dict(size=size)
            if resize == 'dino':  # whose code passes ratios, of a tenth of a patch more
                ratios = [(new + 0.1) / side for new, side in zip(size, old)]
                wanted = dict(scale_factor=ratios)
            patches = interpolate(patches, **wanted, mode='bicubic', align_corners=False)
    tensors['pos_embed'] = torch.cat([prefix, patches.flatten(2).transpose(1, 2)], dim=1)
    return rows


def _beit(
    tensors: dict[str, Tensor], shape: Architecture, heads: int, grid: tuple[int, int]
) -> dict:
    """Return options of timm's BEiT, and resize the tables to its grid."""
    rows = (2 * grid[0] - 1) * (2 * grid[1] - 1) + 3
    _resize_tables(tensors, rows, partial(resize_rel_pos_bias_table, new_window_size=grid))
    return dict(
        global_pool='',
        depth=shape.depth,
        num_heads=shape.heads or heads,
        init_values=1.0 if 'layers.0.gamma_1' in tensors else None,
        use_abs_pos_emb='pos_embed' in tensors,
        use_rel_pos_bias=f'layers.0.attn.{TABLE}' in tensors,
        use_shared_rel_pos_bias=f'rel_pos_bias.{TABLE}' in tensors,
    )


def _swin(tensors: dict[str, Tensor], shape: Architecture, window: int | None) -> dict:
    """Return options of timm's Swin, and resize the tables to its window."""
    window = window or table_window(tensors)
    _resize_tables(tensors, (2 * window - 1) ** 2, _bicubic)
    for name in [name for name in tensors if name.startswith(('norm0', 'norm1', 'norm2'))]:
        del tensors[name]  # of a dense model's outputs
    return dict(
        global_pool='',
        depths=shape.depths,
        num_heads=shape.heads,
        window_size=window,
        qkv_bias='stages.0.blocks.0.attn.w_msa.qkv.bias' in tensors,
    )


def _resize_tables(tensors: dict[str, Tensor], rows: int, resize: Callable[..., Tensor]) -> None:
    """Resize tables of relative positions (N, H) to (rows, H), in place."""
    for name, value in tensors.items():
        if name.endswith(TABLE) and value.shape[0] != rows:
            tensors[name] = resize(value, new_bias_shape=(rows, value.shape[1]))


def _bicubic(table: Tensor, new_bias_shape: tuple[int, int]) -> Tensor:
    """Resize a table as Swin's authors do when they fine-tune at another window."""
    maps = table.T.unflatten(1, (int(table.shape[0] ** 0.5), -1))[None]
    maps = interpolate(maps, (int(new_bias_shape[0] ** 0.5),) * 2, mode='bicubic')
    return maps[0].flatten(1).T


def block_outputs(
    model: nn.Module, images: Tensor, parts: Iterable[nn.Module] | None = None
) -> list[Tensor]:
    """Return the tokens (B, E + L, C) behind each block, of Swin (B, L, C), of maps (B, C h, w).

    Args:
        model: mmpretrain's or timm's.
        images: (B, 3, H, W).
        parts: Modules to read instead of the transformer blocks.
    """
    outputs: list[Tensor] = []

    def keep(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        outputs.append(output.flatten(1, -2))

    hooks = [part.register_forward_hook(keep) for part in parts or _blocks(model)]
    try:
        with evaluating(model), torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


def relative_differences(mine: list[Tensor], theirs: list[Tensor]) -> tuple[float, ...]:
    """Return each block's largest difference, divided by the largest value of ``theirs``.

    Raises:
        CannotCompare: If there are other blocks or shapes.
    """
    if [m.shape for m in mine] != [t.shape for t in theirs]:
        raise CannotCompare(
            f"its {len(mine)} blocks give {tuple(mine[0].shape)}, the source's {len(theirs)} "
            f'{tuple(theirs[0].shape)}'
        )
    return tuple(((m - t).abs().max() / t.abs().max()).item() for m, t in zip(mine, theirs))


def _blocks(model: nn.Module) -> Iterable[nn.Module]:
    """Return the transformer blocks of mmpretrain's or timm's model, in order."""
    if hasattr(model, 'stages'):
        return [block for stage in model.stages for block in stage.blocks]
    if hasattr(model, 'global_blocks'):  # ViTDet
        return [block.ffn for block in model.layers]  # whose last step is the block's
    if hasattr(model, 'blocks'):
        return model.blocks
    if hasattr(model.layers[0], 'blocks'):
        return [block for stage in model.layers for block in stage.blocks]
    return model.layers
