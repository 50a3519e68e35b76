"""Build one optimiser with a learning rate for each probe."""

from __future__ import annotations

from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from mmpretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SweepOptimWrapperConstructor:
    """Make a parameter group for each of ``model.heads``, with its rate of ``model.lrs``.

    ``auto_scale_lr=dict(enable=True, base_batch_size=256)`` then scales all of them with the batch
    size, as DINO does.

    Args:
        optim_wrapper_cfg: ``type``, ``optimizer`` without ``lr``, other arguments of the wrapper.
        paramwise_cfg: Must be empty.

    Raises:
        UserError: If there is an ``lr`` or a ``paramwise_cfg``: the rates are the model's.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        self.optim_wrapper_cfg = dict(optim_wrapper_cfg)
        self.optimizer_cfg = dict(self.optim_wrapper_cfg.pop('optimizer'))
        if 'lr' in self.optimizer_cfg or paramwise_cfg:
            raise UserError(
                'linear probing takes its learning rates from model.lrs: set those, not the '
                "optimizer's lr or paramwise_cfg"
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        model = unwrap(model)
        groups = [dict(params=list(h.parameters()), lr=lr) for h, lr in zip(model.heads, model.lrs)]
        optimizer = OPTIMIZERS.build(
            self.optimizer_cfg, default_args=dict(params=groups, lr=model.lrs[0])
        )
        self.optim_wrapper_cfg.setdefault('type', 'OptimWrapper')
        return OPTIM_WRAPPERS.build(self.optim_wrapper_cfg, default_args=dict(optimizer=optimizer))
