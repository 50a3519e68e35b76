"""Read queries and keys of chosen blocks of a ViT off a forward pass that happens anyway."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compilation import uncompiled

#: Called with a block's index, its queries (B, N, H, d) and its keys (B, N, H, d).
Read = Callable[[int, Tensor, Tensor], None]


def check_blocks(name: str, blocks: Sequence[int], backbone: nn.Module) -> list[int]:
    """Return the indices of blocks, none negative, in order.

    Args:
        name: Who asks, for messages.
        blocks: Indices, negative from the end.
        backbone: A ViT with ``layers``.

    Raises:
        ValueError: If the backbone isn't a ViT, or a block doesn't exist.
    """
    if not hasattr(backbone, 'layers') or not hasattr(backbone, 'num_extra_tokens'):
        raise ValueError(f'{name} reads the blocks of a ViT, not a {type(backbone).__name__}.')
    depth = len(backbone.layers)
    outside = [block for block in blocks if not -depth <= block < depth]
    if outside:
        raise ValueError(f'{name} reads blocks {outside}, but the backbone has {depth} blocks.')
    return sorted({block % depth for block in blocks})


@contextmanager
def listen(backbone: nn.Module, blocks: Sequence[int], read: Read) -> Iterator[None]:
    """Hand the queries and keys of blocks, detached, to ``read`` while the context is open.

    BEiT's attention adds its biases outside of its ``qkv`` layer, so there the projection is
    computed once more.

    Raises:
        ValueError: If attention has a relative position bias, which queries and keys don't show.
    """
    shared = getattr(backbone, 'rel_pos_bias', None)
    own = [getattr(backbone.layers[i].attn, 'relative_position_bias_table', None) for i in blocks]
    if any(bias is not None for bias in (shared, *own)):
        raise ValueError(
            'Attention is read off queries and keys, and this backbone adds a relative position '
            'bias to their products: set use_rel_pos_bias=False, use_shared_rel_pos_bias=False.'
        )
    handles = [_listen(backbone.layers[block].attn, block, read) for block in blocks]
    try:
        with uncompiled(backbone.layers[block] for block in blocks):
            yield
    finally:
        for handle in handles:
            handle.remove()


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
