"""A checkpoint's backbone by itself: what a transfer is compared with."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

import timm.models.beit
import timm.models.swin_transformer
import timm.models.vision_transformer
import torch
from timm.layers import SwiGLUPacked, resize_rel_pos_bias_table
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmmask.utils.errors import UserError

from .architecture import architecture
from .checkpoint import Checkpoint
from .dialects import BY_NAME, MMPRETRAIN, Dialect, to_ours, to_theirs
from .formats import Selection
from .metadata import backbone_config
from .position_embedding import position_layout, prefix_tokens, take_row_of_cls_token

_TABLE = 'relative_position_bias_table'

# Hugging Face's names as timm's, by themselves: the dialect's rules are to be proven, too.
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


class CannotCompare(UserError):
    """There is nothing to compare such a backbone with."""


def build_as_saved(
    kind: type[nn.Module], checkpoint: Checkpoint, selection: Selection
) -> nn.Module:
    """Build a backbone with the file's tensors and the arguments of the config that the file keeps,
    strictly, in evaluation mode.

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
    except Exception as error:  # arguments are the file's: any may be raised
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
    dialect: Dialect = MMPRETRAIN,
) -> nn.Module:
    """Build timm's model with a backbone's tensors, strictly, in evaluation mode.

    Args:
        tensors: The file's, by mmpretrain's names.
        heads: Attention heads, where shapes don't show them.
        eps: Of layer norms.
        grids: Grids (rows, columns) of patches to which position embeddings are interpolated one
            after the other; the last is that of the images.
        known_grid: The file's, if its metadata tells; else a square.
        window: Swin's; relative positions are interpolated to it. None for the file's.
        with_cls_token: False leaves the CLS token out, as some dense models do.
        dialect: The file's own names. Those of Hugging Face are put into timm's here; others are
            timm's, or so near that a wrong rule shows.

    Raises:
        CannotCompare: If it is no ViT, BEiT or Swin, or has a tensor that timm's model hasn't.
    """
    tensors = {
        name: value.detach().float().cpu()
        for name, value in tensors.items()
        if name != 'mask_token' and not name.endswith('relative_position_index')
    }
    if dialect.name.startswith('Hugging Face'):
        tensors = _of_hugging_face(dialect, tensors)
    shape = architecture(tensors)
    if 'depths' in shape and 'number of attention heads' in shape:
        model, names = _swin(tensors, shape, eps, grids[-1], window), 'timm Swin'
    elif 'depth' in shape and any(name.endswith('attn.q_bias') for name in tensors):
        if 'pos_embed' in tensors:
            _resize_positions(tensors, grids, known_grid)
        model, names = _beit(tensors, shape, heads, eps, grids[-1]), 'BEiT'
    elif 'depth' in shape and 'patch size' in shape and heads is not None:
        model = _vit(tensors, shape, heads, eps, grids, known_grid, with_cls_token)
        names = 'timm ViT'
    else:
        raise CannotCompare('only plain ViT, BEiT and Swin can be compared block by block')
    try:
        result = model.load_state_dict(to_theirs(BY_NAME[names], tensors), strict=False)
    except (KeyError, RuntimeError) as error:
        raise CannotCompare(f"timm's model can't hold the file's tensors ({error})") from error
    missing = [n for n in result.missing_keys if not n.startswith(('norm.', 'fc_norm.'))]
    extra = [n for n in result.unexpected_keys if not n.startswith(('norm.', 'fc_norm.'))]
    if missing or extra:
        raise CannotCompare(f"timm's model can't hold the file's tensors ({(missing + extra)[0]})")
    return model.eval()


def _of_hugging_face(dialect: Dialect, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors by mmpretrain's names, by way of timm's."""
    found: OrderedDict[str, Tensor] = OrderedDict()
    for name, value in to_theirs(dialect, tensors).items():
        for pattern, timms in _HUGGING_FACE:
            name = re.sub(pattern, timms, name)
        found[name] = value
    parts = r'\.attention\.attention\.query\.'
    for query in [name for name in found if re.search(parts, name)]:
        names = [query.replace('.query.', f'.{part}.') for part in ('query', 'key', 'value')]
        joint = query.replace('.attention.attention.query.', '.attn.qkv.')
        found[joint] = torch.cat([found.pop(name) for name in names])
    return to_ours(BY_NAME['timm ViT'], found)[0]


def _vit(
    tensors: dict[str, Tensor],
    shape: Mapping,
    heads: int,
    eps: float,
    grids: list[tuple[int, int]],
    known_grid: tuple[int, int] | None,
    with_cls_token: bool,
) -> nn.Module:
    rows = 0
    if 'pos_embed' in tensors:
        rows = _resize_positions(tensors, grids, known_grid)
        if not with_cls_token:
            for name in prefix_tokens(tensors):
                del tensors[name]
            tensors['pos_embed'], rows = tensors['pos_embed'][:, rows:], 0
        if 'register_tokens' in tensors and 'cls_token' in tensors:
            take_row_of_cls_token(tensors, grids[-1])  # timm then has none
            rows = 0
    gated = 'layers.0.ffn.w12.weight' in tensors
    width, patch = shape['embed_dims'], shape['patch size']
    distilled = 'dist_token' in tensors
    kind = timm.models.vision_transformer.VisionTransformer
    if distilled:
        kind = timm.models.deit.VisionTransformerDistilled
    scale = tensors.get('layers.0.attn.gamma1.weight')
    return kind(
        img_size=tuple(side * patch for side in grids[-1]),
        patch_size=patch,
        in_chans=shape['image channels'],
        num_classes=0,
        embed_dim=width,
        depth=shape['depth'],
        num_heads=heads,
        mlp_ratio=(2 if gated else 1) * shape['MLP width'] / width,
        qkv_bias='layers.0.attn.qkv.bias' in tensors,
        init_values=None if scale is None else 1.0,
        pre_norm='pre_norm.weight' in tensors,
        norm_layer=partial(nn.LayerNorm, eps=eps),
        **(dict(mlp_layer=SwiGLUPacked, act_layer=nn.SiLU) if gated else {}),
        **(
            {}
            if distilled
            else dict(
                class_token='cls_token' in tensors,
                no_embed_class=rows == 0,
                reg_tokens=tensors.get('register_tokens', torch.zeros(1, 0, 1)).shape[1],
                global_pool='',
            )
        ),
    )


def _resize_positions(
    tensors: dict[str, Tensor],
    grids: list[tuple[int, int]],
    known_grid: tuple[int, int] | None,
) -> int:
    """Interpolate position embeddings in place; gives how many rows are prefix tokens'."""
    prefix = len(prefix_tokens(tensors))
    rows, grid = position_layout(tensors['pos_embed'], prefix, known_grid)
    prefix, patches = tensors['pos_embed'].split([rows, grid[0] * grid[1]], dim=1)
    patches = patches.unflatten(1, grid).permute(0, 3, 1, 2)
    for size in grids:
        if patches.shape[2:] != size:
            patches = interpolate(patches, size, mode='bicubic', align_corners=False)
    tensors['pos_embed'] = torch.cat([prefix, patches.flatten(2).transpose(1, 2)], dim=1)
    return rows


def _beit(
    tensors: dict[str, Tensor], shape: Mapping, heads: int, eps: float, grid: tuple[int, int]
) -> nn.Module:
    patch, width = shape['patch size'], shape['embed_dims']
    rows = (2 * grid[0] - 1) * (2 * grid[1] - 1) + 3
    _resize_tables(tensors, rows, partial(resize_rel_pos_bias_table, new_window_size=grid))
    return timm.models.beit.Beit(
        img_size=tuple(side * patch for side in grid),
        patch_size=patch,
        num_classes=0,
        global_pool='',
        embed_dim=width,
        depth=shape['depth'],
        num_heads=shape.get('number of attention heads', heads),
        mlp_ratio=shape['MLP width'] / width,
        init_values=1.0 if 'layers.0.gamma_1' in tensors else None,
        use_abs_pos_emb='pos_embed' in tensors,
        use_rel_pos_bias='layers.0.attn.relative_position_bias_table' in tensors,
        use_shared_rel_pos_bias='rel_pos_bias.relative_position_bias_table' in tensors,
        norm_layer=partial(nn.LayerNorm, eps=eps),
    )


def _swin(
    tensors: dict[str, Tensor],
    shape: Mapping,
    eps: float,
    grid: tuple[int, int],
    window: int | None,
) -> nn.Module:
    table = next(v for n, v in tensors.items() if n.endswith('relative_position_bias_table'))
    window = window or (int(table.shape[0] ** 0.5) + 1) // 2
    _resize_tables(tensors, (2 * window - 1) ** 2, _bicubic)
    for name in [name for name in tensors if name.startswith(('norm0', 'norm1', 'norm2'))]:
        del tensors[name]  # of a dense model's outputs
    patch = shape['patch size']
    return timm.models.swin_transformer.SwinTransformer(
        img_size=tuple(side * patch for side in grid),
        patch_size=patch,
        num_classes=0,
        global_pool='',
        embed_dim=shape['embed_dims'],
        depths=shape['depths'],
        num_heads=shape['number of attention heads'],
        window_size=window,
        mlp_ratio=shape['MLP width'] / shape['embed_dims'],
        qkv_bias='stages.0.blocks.0.attn.w_msa.qkv.bias' in tensors,
        norm_layer=partial(nn.LayerNorm, eps=eps),
    )


def _resize_tables(tensors: dict[str, Tensor], rows: int, resize: Callable[..., Tensor]) -> None:
    """Give tables of relative positions (N, H) so many rows, in place."""
    for name, value in tensors.items():
        if name.endswith(_TABLE) and value.shape[0] != rows:
            tensors[name] = resize(value, new_bias_shape=(rows, value.shape[1]))


def _bicubic(table: Tensor, new_bias_shape: tuple[int, int]) -> Tensor:
    """As Swin's authors fine-tune at another window."""
    maps = table.T.unflatten(1, (int(table.shape[0] ** 0.5), -1))[None]
    maps = interpolate(maps, (int(new_bias_shape[0] ** 0.5),) * 2, mode='bicubic')
    return maps[0].flatten(1).T
