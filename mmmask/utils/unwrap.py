"""Find the model inside a wrapper."""

from mmengine.model import is_model_wrapper
from torch import nn


def unwrap(model: nn.Module) -> nn.Module:
    """Return the model itself, also when several processes train it (DDP, FSDP)."""
    return model.module if is_model_wrapper(model) else model
