"""Compile the blocks of a network one by one, and run some of them uncompiled for a while."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from mmmask.utils.attributes import attribute_set


def compile_blocks(network: nn.Module, backend: str = 'inductor') -> int:
    """Compile each transformer block of a network, in place.

    A block is whatever has an attention ``attn`` and an MLP ``ffn``: those of the ViTs, BEiTs and
    Swins of mmpretrain, mmdet and mmseg. Names of parameters stay. Compiling happens when a block
    first runs; equal blocks share its result.

    Args:
        network: Whatever holds the blocks.
        backend: Name of a backend of ``torch.compile``.

    Returns:
        The number of blocks.
    """
    blocks = [
        module
        for module in network.modules()
        if all(isinstance(getattr(module, part, None), nn.Module) for part in ('attn', 'ffn'))
    ]
    # Blocks share one piece of code, which is compiled anew for another rate of stochastic depth,
    # without gradients, and for another size.
    settings = torch._dynamo.config
    settings.recompile_limit = max(settings.recompile_limit, 8 * len(blocks))
    settings.accumulated_recompile_limit = max(
        settings.accumulated_recompile_limit, 8 * len(blocks)
    )
    for block in blocks:
        block.compile(backend=backend)
    return len(blocks)


def is_compiled(block: nn.Module) -> bool:
    """Return True if a call of a block runs compiled code."""
    return block._compiled_call_impl is not None


@contextmanager
def uncompiled(blocks: Iterable[nn.Module]) -> Iterator[None]:
    """Run blocks as they are written while the context is open.

    Compiled code doesn't call hooks that layers within a block got later.
    """
    with attribute_set(blocks, '_compiled_call_impl', None):
        yield
