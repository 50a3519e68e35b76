"""mmengine's learning-rate schedulers with absolute rates for the first and the last value.

mmengine's ``eta_min`` is one number for all parameter groups, so a group whose layer decay or batch
makes its rate lower than that would rise. Its ratios fit every group, but belong to one rate.
"""

from mmengine.optim import BaseOptimWrapper, CosineAnnealingLR, LinearLR
from mmpretrain.registry import PARAM_SCHEDULERS
from torch.optim import Optimizer


@PARAM_SCHEDULERS.register_module()
class WarmUpLR(LinearLR):
    """Raise the rate in a straight line from ``start_lr``.

    A group that doesn't have the optimiser's own rate (the config's ``optim_wrapper.optimizer.lr``)
    starts at the same share of its rate.

    Args:
        optimizer: The optimiser or its wrapper.
        start_lr: The first rate of a group with the optimiser's own rate.
        **kwargs: The other arguments of mmengine's ``LinearLR``, e.g. ``end``.
    """

    def __init__(
        self, optimizer: Optimizer | BaseOptimWrapper, *, start_lr: float, **kwargs
    ) -> None:
        super().__init__(optimizer, start_factor=start_lr / optimizer.defaults['lr'], **kwargs)


@PARAM_SCHEDULERS.register_module()
class CosineToLR(CosineAnnealingLR):
    """Lower the rate along half a cosine to ``end_lr``.

    A group that doesn't have the optimiser's own rate (the config's ``optim_wrapper.optimizer.lr``)
    ends at the same share of its rate, as in MAE's and BEiT's code.

    Args:
        optimizer: The optimiser or its wrapper.
        end_lr: The last rate of a group with the optimiser's own rate.
        **kwargs: The other arguments of mmengine's ``CosineAnnealingLR``, e.g. ``begin``.
    """

    def __init__(self, optimizer: Optimizer | BaseOptimWrapper, *, end_lr: float, **kwargs) -> None:
        super().__init__(optimizer, eta_min_ratio=end_lr / optimizer.defaults['lr'], **kwargs)
