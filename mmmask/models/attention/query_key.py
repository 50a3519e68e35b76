"""Queries and keys of chosen blocks of a ViT, read off a forward pass that happens anyway."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Called with a block's index, its queries (B, N, H, d) and its keys (B, N, H, d).
Read = Callable[[int, Tensor, Tensor], None]


def check_blocks(name: str, blocks: Sequence[int], backbone: nn.Module) -> list[int]:
    """Indices of blocks, none negative, in order.

    Args:
        name: Who asks, for messages.
        blocks: Indices, negative from the end.
        backbone: A ViT with ``layers``.

    Raises:
        ValueError: If the backbone isn't a ViT, or a block doesn't exist.
    """
    if not hasattr(backbone, 'layers'):
        raise ValueError(f'{name} reads the blocks of a ViT, not a {type(backbone).__name__}.')
    depth = len(backbone.layers)
    outside = [block for block in blocks if not -depth <= block < depth]
    if outside:
        raise ValueError(f'{name} reads blocks {outside}, but the backbone has {depth} blocks.')
    return sorted({block % depth for block in blocks})


def check_head(name: str, head: int, num_heads: int) -> None:
    """Raise a ValueError if a head, negative from the end, doesn't exist."""
    if not -num_heads <= head < num_heads:
        raise ValueError(f'{name} reads head {head}, but the backbone has {num_heads} heads.')


@contextmanager
def listen(backbone: nn.Module, blocks: Sequence[int], read: Read) -> Iterator[None]:
    """Hand the queries and keys of blocks to ``read`` while the context is open.

    The blocks are not touched: they keep ``scaled_dot_product_attention``, and no second forward is
    needed. BEiT's attention adds its biases outside of its ``qkv`` layer, so there the projection
    is computed once more.
    """
    handles = [_listen(backbone.layers[block].attn, block, read) for block in blocks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def ending_after(backbone: nn.Module, block: int) -> Iterator[None]:
    """Let a ViT's forward pass end behind a block: what follows isn't needed to read attention."""
    layers = backbone.layers
    backbone.layers = layers[: block + 1]
    try:
        yield
    finally:
        backbone.layers = layers


def _listen(attention: nn.Module, block: int, read: Read):
    def hand_over(qkv: Tensor) -> None:
        qkv = qkv.detach().unflatten(-1, (3, attention.num_heads, -1))
        read(block, qkv[:, :, 0], qkv[:, :, 1])

    if getattr(attention, 'q_bias', None) is None:
        return attention.qkv.register_forward_hook(lambda _module, _inputs, qkv: hand_over(qkv))

    @torch.no_grad()
    def project(_module: nn.Module, inputs: tuple) -> None:
        zeros = torch.zeros_like(attention.v_bias)
        bias = torch.cat((attention.q_bias, zeros, attention.v_bias))
        hand_over(F.linear(inputs[0], attention.qkv.weight, bias))

    return attention.register_forward_pre_hook(project)
