"""The description that Hugging Face's models are built from."""

from __future__ import annotations

from collections.abc import Mapping

from .facts import Facts


def hugging_face_config(backbone: Mapping, known: Facts) -> dict:
    """Content of ``config.json`` for a ViT, a DINOv2, or a DINOv2 with registers.

    Args:
        backbone: mmpretrain's config of the same network, from :func:`.suggest.suggest_backbone`.
        known: Tells the epsilon of norms.
    """
    arch = backbone['arch']
    width, hidden = arch['embed_dims'], arch['feedforward_channels']
    config = dict(
        architectures=['ViTModel'],
        model_type='vit',
        hidden_size=width,
        num_hidden_layers=arch['num_layers'],
        num_attention_heads=arch['num_heads'],
        hidden_act='gelu',
        image_size=backbone['img_size'],
        patch_size=backbone['patch_size'],
        num_channels=backbone.get('in_channels', 3),
        qkv_bias=backbone.get('qkv_bias', True),
        layer_norm_eps=known.norm_eps or 1e-6,
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
            use_swiglu_ffn='layer_cfgs' in backbone,
        )
        if registers is not None:
            config['num_register_tokens'] = registers
    return config
