"""Suggest the config of the network that a file holds, for mmpretrain and for Hugging Face."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mmengine.config import Config
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from mmmask.config.build import scope_of
from mmmask.utils.errors import UserError, explained

from .description import Architecture, Kind, architecture, kind_of, table_window
from .names import TABLE
from .positions import position_layout, prefix_tokens
from .settings import ACTIVATIONS_OF_HUGGING_FACE, Settings


def suggest_backbone(tensors: Mapping[str, Tensor], settings: Settings) -> dict:
    """Return the config of mmpretrain's backbone that takes all of a checkpoint's tensors.

    Args:
        tensors: By mmpretrain's names.
        settings: What the file says besides.

    Raises:
        UserError: If it is no ViT, BEiT or Swin. If the model that the file names isn't a plain
            one, or its number of attention heads isn't known.
    """
    shape, kind = architecture(tensors), kind_of(tensors)
    if kind is None:
        model = f'a {settings.model}, ' if settings.model else ''
        raise UserError(f'it is {model}no ViT, BEiT or Swin')
    if settings.unlike:
        raise UserError(f'it is a {settings.model}: {settings.unlike}')
    if kind is Kind.SWIN:
        return _swin(tensors, shape, settings)
    heads = shape.heads or settings.heads
    if not isinstance(heads, int):
        raise UserError("it doesn't tell its number of attention heads")
    gated = 'layers.0.ffn.w12.weight' in tensors
    backbone = dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(
            embed_dims=shape.embed_dims,
            num_layers=shape.depth,
            num_heads=heads,
            # mmpretrain's gated MLP takes two thirds, made a multiple of 8
            feedforward_channels=shape.mlp_width * 3 // 2 if gated else shape.mlp_width,
        ),
        img_size=_image_size(tensors, shape.patch_size, settings),
        patch_size=shape.patch_size,
    )
    if shape.in_channels != 3:
        backbone['in_channels'] = shape.in_channels
    if settings.norm_eps not in (None, 1e-6):
        backbone['norm_cfg'] = dict(type='LN', eps=settings.norm_eps)
    if kind is Kind.BEIT:
        backbone.update(
            type='mmpretrain.BEiTViT',
            layer_scale_init_value=1.0 if 'layers.0.gamma_1' in tensors else 0.0,
            use_abs_pos_emb='pos_embed' in tensors,
            use_rel_pos_bias=f'layers.0.attn.{TABLE}' in tensors,
            use_shared_rel_pos_bias=f'rel_pos_bias.{TABLE}' in tensors,
            final_norm='ln1.weight' in tensors,
            out_type='avg_featmap' if 'ln2.weight' in tensors else 'cls_token',
        )
        return backbone
    if 'register_tokens' in tensors:
        backbone['type'] = 'mmpretrain.RegisterVisionTransformer'
        backbone['num_registers'] = tensors['register_tokens'].shape[1]
    if 'dist_token' in tensors:
        backbone['type'] = 'mmpretrain.DistilledVisionTransformer'
    if settings.pos_embed_resize == 'dino' and 'dist_token' not in tensors:
        backbone['pos_embed_resize'] = 'dino'
        if 'register_tokens' not in tensors:
            backbone['type'] = 'mmpretrain.PlainVisionTransformer'
    options = (
        ('layers.0.attn.gamma1.weight' in tensors, dict(layer_scale_init_value=1.0)),
        (gated, dict(layer_cfgs=dict(ffn_type='swiglu_fused'))),
        (settings.activation not in (None, 'GELU'), _activation_options(settings.activation)),
        ('layers.0.attn.qkv.bias' not in tensors, dict(qkv_bias=False)),
        ('pre_norm.weight' in tensors, dict(pre_norm=True)),
        ('cls_token' not in tensors, dict(with_cls_token=False, out_type='avg_featmap')),
        ('ln1.weight' not in tensors, dict(final_norm=False)),
        ('ln2.weight' in tensors, dict(out_type='avg_featmap')),
    )
    for applies, option in options:
        if applies:
            backbone.update(option)
    return backbone


def build_suggested(backbone: Mapping) -> nn.Module:
    """Build mmpretrain's backbone from :func:`suggest_backbone`'s config.

    Raises:
        UserError: If mmpretrain can't.
    """
    scope = scope_of(Config(dict(default_scope='mmpretrain')))
    with explained('mmpretrain has no such backbone'), scope:
        return MODELS.build(dict(backbone))


def dense_options(backbone: Mapping) -> dict:
    """Return what a detector or segmenter adds to a backbone, to get maps of several depths.

    The blocks of a ViT are those that iBOT's pyramid takes: 3, 5, 7 and 11 of 12.
    """
    if 'num_layers' not in backbone['arch']:
        return dict(out_indices=list(range(len(backbone['arch']['depths']))))
    depth = backbone['arch']['num_layers']
    blocks = sorted({max(depth * twelfths // 12, 1) - 1 for twelfths in (4, 6, 8, 12)})
    return dict(out_type='featmap', out_indices=blocks, final_norm=False)


def hugging_face_config(backbone: Mapping, settings: Settings) -> dict:
    """Return the ``config.json`` of a ViT, a DINOv2, or a DINOv2 with registers.

    Args:
        backbone: mmpretrain's config of the same network, from :func:`suggest_backbone`.
        settings: Tells the epsilon of norms and the activation.
    """
    arch = backbone['arch']
    width, hidden = arch['embed_dims'], arch['feedforward_channels']
    names = {ours: theirs for theirs, ours in ACTIVATIONS_OF_HUGGING_FACE.items()}
    if (activation := settings.activation or 'GELU') not in names:
        raise UserError(f"Hugging Face's models don't know its activation, {activation}")
    config = dict(
        architectures=['ViTModel'],
        model_type='vit',
        hidden_size=width,
        num_hidden_layers=arch['num_layers'],
        num_attention_heads=arch['num_heads'],
        hidden_act=names[activation],
        image_size=backbone['img_size'],
        patch_size=backbone['patch_size'],
        num_channels=backbone.get('in_channels', 3),
        qkv_bias=backbone.get('qkv_bias', True),
        layer_norm_eps=settings.norm_eps or 1e-6,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        intermediate_size=hidden,
    )
    if 'layer_scale_init_value' in backbone:
        del config['intermediate_size']
        registers = backbone.get('num_registers')
        config.update(
            architectures=['Dinov2Model' if registers is None else 'Dinov2WithRegistersModel'],
            model_type='dinov2' if registers is None else 'dinov2_with_registers',
            mlp_ratio=hidden // width if hidden % width == 0 else hidden / width,
            use_swiglu_ffn='ffn_type' in backbone.get('layer_cfgs', {}),
        )
        if registers is not None:
            config['num_register_tokens'] = registers
    return config


def _activation_options(activation: str | None) -> dict:
    """Return options of mmpretrain's ViT with another activation than GELU."""
    act_cfg = dict(type=activation)
    if activation == 'GELU(tanh)':
        act_cfg = dict(type='GELU', approximate='tanh')
    return dict(layer_cfgs=dict(act_cfg=act_cfg))


def _swin(tensors: Mapping[str, Tensor], shape: Architecture, settings: Settings) -> dict:
    window = table_window(tensors)
    backbone = dict(
        type='mmpretrain.SwinTransformer',
        arch=dict(
            embed_dims=shape.embed_dims, depths=list(shape.depths), num_heads=list(shape.heads)
        ),
        window_size=window,
        img_size=32 * window,
    )
    if 'absolute_pos_embed' in tensors:
        side = math.isqrt(tensors['absolute_pos_embed'].shape[1])
        backbone.update(use_abs_pos_embed=True, img_size=side * shape.patch_size)
    if shape.patch_size != 4:
        backbone['patch_size'] = shape.patch_size
    if settings.norm_eps not in (None, 1e-5):
        norm = dict(norm_cfg=dict(type='LN', eps=settings.norm_eps))
        backbone.update(norm, patch_cfg=norm, stage_cfgs=dict(block_cfgs=norm, downsample_cfg=norm))
    norms = [index for index in range(4) if f'norm{index}.weight' in tensors]
    if norms != [3]:
        backbone['out_indices'] = norms or [3]
    return backbone


def _image_size(
    tensors: Mapping[str, Tensor], patch: int, settings: Settings
) -> int | tuple[int, int]:
    if 'pos_embed' in tensors:
        prefix = len(prefix_tokens(tensors))
        grid = position_layout(tensors['pos_embed'], prefix, settings.grid)[1]
    else:
        grid = (table_window(tensors) or 14,) * 2
    rows, columns = (side * patch for side in grid)
    return rows if rows == columns else (rows, columns)
