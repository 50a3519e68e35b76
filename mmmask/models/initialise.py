"""Draw the first weights of a network."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

#: Truncated normal of standard deviation 0.02 (DINO, iBOT).
trunc_normal = partial(nn.init.trunc_normal_, std=0.02)


def draw_linear_layers(network: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    """Draw the weights of all linear layers of a network, and set their biases to zero.

    Args:
        network: Its linear layers are drawn in the order of ``modules()``.
        draw: Fills a weight in place, e.g. ``nn.init.xavier_uniform_``.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
