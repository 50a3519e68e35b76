"""Keep less for the backward pass: it computes again what is cheap to compute."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

#: Layers whose backward pass keeps their input anyway. The layer behind keeps their output, too.
CHEAP = (nn.LayerNorm, nn.GELU)


@contextmanager
def recomputing(blocks: nn.Module) -> Iterator[None]:
    """Keep no output of norms and activations for the backward pass, while the context is open.

    A linear layer keeps its input for the gradient of its weight. Where that is the output of a
    norm or of an activation, it is computed again, from what that layer keeps. So a block of a ViT
    keeps 10 instead of 16 tensors of the size of its input. Values stay the same, bit by bit, and
    so do draws of random numbers and what hooks of layers see.

    Args:
        blocks: Whatever holds the layers.
    """
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        yield
        return
    latest: list[_Output] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        kind = output.device.type
        if output.dtype == torch.float32 and torch.is_autocast_enabled(kind):
            # Else the linear layer casts it, and keeps the copy.
            output = output.to(torch.get_autocast_dtype(kind))
        latest[:] = [_Output(layer, inputs[0], output)]
        return output

    def pack(kept: Tensor) -> Tensor | Callable[[], Tensor]:
        return latest[0].again(kept.shape) if latest and latest[0].is_in(kept) else kept

    def unpack(packed: Tensor | Callable[[], Tensor]) -> Tensor:
        return packed if isinstance(packed, Tensor) else packed()

    layers = [layer for layer in blocks.modules() if isinstance(layer, CHEAP)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            yield
    finally:
        for handle in handles:
            handle.remove()


class _Output:
    """Remember how an output was computed, as long as it exists.

    Args:
        layer: The layer.
        value: Its input.
        output: Its output.
    """

    def __init__(self, layer: nn.Module, value: Tensor, output: Tensor) -> None:
        self._layer = layer
        self._value = value.detach()
        self._output = weakref.ref(output)
        self._version, self._dtype = output._version, output.dtype

    def is_in(self, kept: Tensor) -> bool:
        """Return True if a tensor has the very numbers of the output, perhaps in another shape."""
        output = self._output()
        return (
            output is not None
            and kept.data_ptr() == output.data_ptr()
            and kept.dtype == self._dtype
            and kept.numel() == output.numel()
            and kept._version == self._version  # not changed in place
            and kept.is_contiguous()
            and output.is_contiguous()
        )

    def again(self, shape: torch.Size) -> Callable[[], Tensor]:
        """Return a function that computes the output again, in a shape."""
        layer, value, dtype = self._layer, self._value, self._dtype
        kind = value.device.type
        autocast = dict(
            enabled=torch.is_autocast_enabled(kind), dtype=torch.get_autocast_dtype(kind)
        )

        def compute() -> Tensor:
            with torch.no_grad(), torch.autocast(kind, **autocast):
                # Hooks of the layer have seen the output already.
                return layer.forward(value).to(dtype).view(shape)

        return compute
