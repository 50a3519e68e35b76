"""Clip and freeze gradients before the optimiser's step, as DINO and iBOT do."""

from collections.abc import Iterable

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import nn

from mmmask.engine.epochs import current_epoch
from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap


@torch.no_grad()
def clip_grad_norm_per_parameter_(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """Scale each gradient on its own to a norm of at most ``max_norm`` (DINO), in place.

    A gradient g becomes g min(1, max_norm / (|g| + 1e-6)).
    """
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if grads:
        scales = max_norm / (torch.stack(torch._foreach_norm(grads)) + 1e-6)
        torch._foreach_mul_(grads, list(scales.clamp(max=1.0).unbind()))


@HOOKS.register_module()
class PerParameterGradClipHook(Hook):
    """Makes the optimiser wrapper clip each parameter's gradient on its own, not their joint norm.

    Works with plain and AMP wrappers: it replaces the wrapper's clip function, which they call
    after unscaling.

    Args:
        max_norm: Largest norm of a parameter's gradient; 3.0 in DINO and iBOT.
    """

    def __init__(self, max_norm: float = 3.0) -> None:
        if max_norm <= 0:
            raise UserError(
                f'max_norm must be positive, got {max_norm}; leave the hook out not to clip.'
            )
        self.max_norm = max_norm

    def before_train(self, runner: Runner) -> None:
        if runner.optim_wrapper.clip_grad_kwargs:
            raise UserError(
                'Gradients are clipped twice, by PerParameterGradClipHook and '
                'optim_wrapper.clip_grad, and the hook would win: leave one of them out.'
            )
        runner.optim_wrapper.clip_func = clip_grad_norm_per_parameter_
        runner.optim_wrapper.clip_grad_kwargs = dict(max_norm=self.max_norm)


@HOOKS.register_module()
class FreezeLastLayerHook(Hook):
    """Drops a layer's gradients during the first epochs, just before the optimiser's step.

    The optimiser then skips the layer altogether: neither a step nor weight decay nor its moments
    move.

    Args:
        epochs: How many epochs; 1 in DINO and iBOT. Where training counts iterations, so many see
            all images once.
        layer: Dotted path of the layer in the model.
    """

    def __init__(self, epochs: int = 1, layer: str = 'neck.last_layer') -> None:
        self.epochs = epochs
        self.layer = layer

    def before_train(self, runner: Runner) -> None:
        model = unwrap(runner.model)
        try:
            parameters = list(model.get_submodule(self.layer).parameters())
        except AttributeError as error:
            raise UserError(
                f"FreezeLastLayerHook found no layer '{self.layer}' in the model."
            ) from error

        def drop_gradients(*_) -> None:
            if current_epoch(runner) < self.epochs:
                for parameter in parameters:
                    parameter.grad = None

        self._handle = runner.optim_wrapper.optimizer.register_step_pre_hook(drop_gradients)

    def after_train(self, runner: Runner) -> None:
        self._handle.remove()
