"""The backbone of mmpretrain's that a checkpoint is for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from mmmask.utils.errors import UserError

from .architecture import architecture
from .facts import Facts
from .position_embedding import position_layout, prefix_tokens


def suggest_backbone(tensors: Mapping[str, Tensor], known: Facts) -> dict:
    """Config of a backbone that takes all of a checkpoint's tensors.

    Args:
        tensors: By mmpretrain's names.
        known: What the file says besides.

    Raises:
        UserError: If it is no ViT, BEiT or Swin, or its number of attention heads isn't known.
    """
    shape = architecture(tensors)
    if 'depths' in shape and 'number of attention heads' in shape:
        return _swin(tensors, shape)
    heads = shape.get('number of attention heads', known.heads)
    if 'depth' not in shape or 'patch size' not in shape or 'MLP width' not in shape:
        raise UserError('it is no ViT, BEiT or Swin')
    if not isinstance(heads, int):
        raise UserError("it doesn't tell its number of attention heads")
    patch = shape['patch size']
    gated = 'layers.0.ffn.w12.weight' in tensors
    arch = dict(
        embed_dims=shape['embed_dims'],
        num_layers=shape['depth'],
        num_heads=heads,
        # mmpretrain's gated MLP takes two thirds, made a multiple of 8
        feedforward_channels=shape['MLP width'] * 3 // 2 if gated else shape['MLP width'],
    )
    backbone = dict(
        type='mmpretrain.VisionTransformer',
        arch=arch,
        img_size=_image_size(tensors, patch, known),
        patch_size=patch,
    )
    if shape['image channels'] != 3:
        backbone['in_channels'] = shape['image channels']
    if known.norm_eps not in (None, 1e-6):
        backbone['norm_cfg'] = dict(type='LN', eps=known.norm_eps)
    if any(name.endswith('attn.q_bias') for name in tensors):
        return _beit(backbone, tensors)
    if 'register_tokens' in tensors:
        backbone['type'] = 'mmpretrain.RegisterVisionTransformer'
        backbone['num_registers'] = tensors['register_tokens'].shape[1]
    if 'dist_token' in tensors:
        backbone['type'] = 'mmpretrain.DistilledVisionTransformer'
    if 'layers.0.attn.gamma1.weight' in tensors:
        backbone['layer_scale_init_value'] = 1.0
    if gated:
        backbone['layer_cfgs'] = dict(ffn_type='swiglu_fused')
    if 'layers.0.attn.qkv.bias' not in tensors:
        backbone['qkv_bias'] = False
    if 'pre_norm.weight' in tensors:
        backbone['pre_norm'] = True
    if 'cls_token' not in tensors:
        backbone.update(with_cls_token=False, out_type='avg_featmap')
    return _with_norms(backbone, tensors)


def dense_options(backbone: Mapping) -> dict:
    """What a detector or segmenter adds to a suggested backbone, to get maps of several depths.

    The blocks of a ViT are those that iBOT's pyramid takes: 3, 5, 7 and 11 of 12.
    """
    if 'num_layers' not in backbone['arch']:
        return dict(out_indices=list(range(len(backbone['arch']['depths']))))
    depth = backbone['arch']['num_layers']
    blocks = sorted({max(depth * twelfths // 12, 1) - 1 for twelfths in (4, 6, 8, 12)})
    return dict(out_type='featmap', out_indices=blocks, final_norm=False)


def _with_norms(backbone: dict, tensors: Mapping[str, Tensor]) -> dict:
    if 'ln1.weight' not in tensors:
        backbone['final_norm'] = False
    if 'ln2.weight' in tensors:
        backbone['out_type'] = 'avg_featmap'
    return backbone


def _beit(backbone: dict, tensors: Mapping[str, Tensor]) -> dict:
    backbone.update(
        type='mmpretrain.BEiTViT',
        layer_scale_init_value=1.0 if 'layers.0.gamma_1' in tensors else 0.0,
        use_abs_pos_emb='pos_embed' in tensors,
        use_rel_pos_bias='layers.0.attn.relative_position_bias_table' in tensors,
        use_shared_rel_pos_bias='rel_pos_bias.relative_position_bias_table' in tensors,
        final_norm='ln1.weight' in tensors,
        out_type='avg_featmap' if 'ln2.weight' in tensors else 'cls_token',
    )
    return backbone


def _swin(tensors: Mapping[str, Tensor], shape: Mapping) -> dict:
    table = next(v for n, v in tensors.items() if n.endswith('relative_position_bias_table'))
    window = (math.isqrt(table.shape[0]) + 1) // 2
    backbone = dict(
        type='mmpretrain.SwinTransformer',
        arch=dict(
            embed_dims=shape['embed_dims'],
            depths=list(shape['depths']),
            num_heads=list(shape['number of attention heads']),
        ),
        window_size=window,
        img_size=32 * window,
    )
    if 'absolute_pos_embed' in tensors:
        side = math.isqrt(tensors['absolute_pos_embed'].shape[1])
        backbone.update(use_abs_pos_embed=True, img_size=side * shape['patch size'])
    if shape['patch size'] != 4:
        backbone['patch_size'] = shape['patch size']
    norms = [index for index in range(4) if f'norm{index}.weight' in tensors]
    if norms != [3]:
        backbone['out_indices'] = norms or [3]
    return backbone


def _image_size(tensors: Mapping[str, Tensor], patch: int, known: Facts) -> int | tuple[int, int]:
    if 'pos_embed' in tensors:
        prefix = len(prefix_tokens(tensors))
        grid = position_layout(tensors['pos_embed'], prefix, known.grid)[1]
    else:  # BEiT: one offset more on either side than patches
        table = next((v for n, v in tensors.items() if n.endswith('bias_table')), None)
        side = 14 if table is None else (math.isqrt(table.shape[0] - 3) + 1) // 2
        grid = (side, side)
    rows, columns = (side * patch for side in grid)
    return rows if rows == columns else (rows, columns)
