"""Build one optimiser with the learning rate and the weight decay of each probe."""

from __future__ import annotations

from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from mmpretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SweepOptimWrapperConstructor:
    """Make a parameter group for each rate and weight decay of the ``model.probes``.

    ``auto_scale_lr=dict(enable=True, base_batch_size=256)`` then scales all rates with the batch
    size, as DINO does.

    Args:
        optim_wrapper_cfg: ``type``, ``optimizer`` without ``lr``, other arguments of the wrapper.
        paramwise_cfg: Must be empty.

    Raises:
        UserError: If there is an ``lr`` or a ``paramwise_cfg``: the rates are the model's. If a
            sweep clips gradients, whose norm would be that of all probes together.
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
        if self.optim_wrapper_cfg.get('clip_grad') and len(model.probes) > 1:
            raise UserError(
                'optim_wrapper.clip_grad would let the probes of a sweep shrink the steps of each '
                'other: leave it out, or train one probe'
            )
        groups: dict[tuple, dict] = {}
        for head, probe in zip(model.heads, model.probes):
            decay = {} if probe.weight_decay is None else dict(weight_decay=probe.weight_decay)
            group = dict(params=[], lr=probe.lr, **decay)
            group = groups.setdefault((probe.lr, probe.weight_decay), group)
            group['params'] += head.parameters()
        optimizer = OPTIMIZERS.build(
            self.optimizer_cfg, default_args=dict(params=list(groups.values()), lr=model.lrs[0])
        )
        self.optim_wrapper_cfg.setdefault('type', 'OptimWrapper')
        return OPTIM_WRAPPERS.build(self.optim_wrapper_cfg, default_args=dict(optimizer=optimizer))
