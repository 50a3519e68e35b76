"""Train in bfloat16 where it is enough, on any device."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Compute losses under ``torch.autocast`` to bfloat16; the rest is mmengine's ``OptimWrapper``.

    bfloat16 has the range of float32, so losses aren't scaled. mmengine's ``AmpOptimWrapper``
    scales them and needs a GPU; float16 needs that.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Open the context of a forward pass."""
        with super().optim_context(model), torch.autocast(get_device(), torch.bfloat16):
            yield
