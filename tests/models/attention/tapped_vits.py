"""Tiny ViTs in float64, and their queries and keys written out from the weights."""

from __future__ import annotations

import torch
from mmpretrain.models.backbones import BEiTViT, VisionTransformer
from torch import Tensor

DEPTH, HEADS, WIDTH = 3, 2, 8
HEAD_WIDTH = WIDTH // HEADS
ARCH = dict(embed_dims=WIDTH, num_layers=DEPTH, num_heads=HEADS, feedforward_channels=16)


def build(kind=VisionTransformer, std: float = 0.7, **options) -> torch.nn.Module:
    """Attention far from uniform: a comparison means something."""
    torch.manual_seed(0)
    vit = kind(ARCH, img_size=16, patch_size=4, out_type='raw', **options).double()
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return vit


def build_beit(**options) -> torch.nn.Module:
    """A BEiT without relative position bias, as CAE's, with biases of q and v."""
    return build(BEiTViT, use_abs_pos_emb=True, use_rel_pos_bias=False, std=0.5, **options)


def images(batch_size: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch_size, 3, 16, 16, dtype=torch.float64, generator=generator)


@torch.no_grad()
def queries_and_keys(vit: torch.nn.Module, images: Tensor) -> list[list[tuple[Tensor, Tensor]]]:
    """Of every block and head: (B, 17, d) each, CLS first."""
    patches = vit.patch_embed.projection(images).flatten(2).transpose(1, 2)
    tokens = torch.cat((vit.cls_token.expand(len(images), -1, -1), patches), dim=1) + vit.pos_embed
    blocks = []
    for layer in vit.layers:
        normed, weight = layer.ln1(tokens), layer.attn.qkv.weight
        if hasattr(layer.attn, 'q_bias'):
            query_bias, key_bias = layer.attn.q_bias, torch.zeros(WIDTH)
        else:
            query_bias, key_bias = layer.attn.qkv.bias[:WIDTH], layer.attn.qkv.bias[WIDTH:-WIDTH]
        of_heads = []
        for head in range(HEADS):
            dims = torch.arange(head * HEAD_WIDTH, (head + 1) * HEAD_WIDTH)
            query = normed @ weight[dims].T + query_bias[dims]
            key = normed @ weight[WIDTH + dims].T + key_bias[dims]
            of_heads.append((query, key))
        blocks.append(of_heads)
        tokens = layer(tokens, None) if isinstance(vit, BEiTViT) else layer(tokens)
    return blocks
