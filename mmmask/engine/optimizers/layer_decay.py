"""Layer-wise learning-rate decay for fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from mmpretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmmask.utils.errors import UserError
from mmmask.utils.unwrap import unwrap


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor:
    r"""Give a backbone's parameters smaller learning rates the further they are from the output.

    A parameter at depth d of n has the rate :math:`\eta\, \gamma^{n - 1 - d}` (BEiT). The backbone
    states depths by ``get_layer_depth``: 0 for the parts that make tokens, i + 1 for block i, n - 1
    for the parts behind the blocks. Parameters outside of the backbone have depth n - 1, so the
    full rate.

    The model may be mmpretrain's, mmdet's or mmseg's; its ``backbone`` is mmpretrain's. Parameters
    of one rate and decay share a group, which keeps the optimiser's multi-tensor kernels whole.

    Args:
        optim_wrapper_cfg: ``type``, ``optimizer`` (with ``lr``) and the wrapper's other arguments.
        paramwise_cfg: A dict of three keys. ``layer_decay_rate`` is :math:`\gamma`.
            ``flat_decay_mult`` (0 by default) is a factor on the weight decay of parameters of one
            dimension, which are biases and norms. ``custom_keys`` has further factors for
            parameters by a part of their name, e.g. ``{'pos_embed': dict(decay_mult=0.0)}`` or
            ``lr_mult``. Of several keys in a name the longest counts. A key that is None is none.

    Raises:
        UserError: If an option is unknown or missing, or a custom key is in no parameter's name, or
            the model has no backbone that knows its depths.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        self.optim_wrapper_cfg = dict(optim_wrapper_cfg)
        self.optimizer_cfg = dict(self.optim_wrapper_cfg.pop('optimizer'))
        options = dict(paramwise_cfg or {})
        if 'layer_decay_rate' not in options or 'lr' not in self.optimizer_cfg:
            raise UserError(
                'Layer decay needs optim_wrapper.paramwise_cfg.layer_decay_rate and '
                'optim_wrapper.optimizer.lr.'
            )
        self.rate = options.pop('layer_decay_rate')
        self.flat_decay_mult = options.pop('flat_decay_mult', 0.0)
        keys: Mapping[str, Mapping[str, float] | None] = options.pop('custom_keys', {})
        self.custom_keys = {key: value for key, value in keys.items() if value is not None}
        known = {'lr_mult', 'decay_mult'}
        unknown = [*options, *(k for v in self.custom_keys.values() for k in v if k not in known)]
        if unknown:
            raise UserError(
                f"paramwise_cfg of layer decay has no '{unknown[0]}', but layer_decay_rate, "
                'flat_decay_mult and custom_keys with lr_mult and decay_mult.'
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimiser and its wrapper for a model."""
        model = unwrap(model)
        optimizer_cfg = {**self.optimizer_cfg, 'params': self._groups(model)}
        optimizer = OPTIMIZERS.build(optimizer_cfg)
        wrapper_cfg = {'type': 'OptimWrapper', **self.optim_wrapper_cfg, 'optimizer': optimizer}
        return OPTIM_WRAPPERS.build(wrapper_cfg)

    def _groups(self, model: nn.Module) -> list[dict]:
        """Return one group for each pair of rate and weight decay, with the parameters' names."""
        if not hasattr(getattr(model, 'backbone', None), 'get_layer_depth'):
            raise UserError(
                'Layer decay needs a model whose backbone has get_layer_depth(), as '
                'mmpretrain.VisionTransformer has.'
            )
        names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        for key in self.custom_keys:
            if not any(key in name for name in names):
                raise UserError(f"paramwise_cfg.custom_keys has '{key}', no parameter's name does.")
        base_lr = self.optimizer_cfg['lr']
        base_decay = self.optimizer_cfg.get('weight_decay')
        groups: dict[tuple, dict] = {}
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            lr_mult, decay_mult = self._factors(model.backbone, name, parameter)
            group = dict(params=[], names=[], lr=base_lr * lr_mult)
            if base_decay is not None:
                group['weight_decay'] = base_decay * decay_mult
            group = groups.setdefault((lr_mult, decay_mult), group)
            group['params'].append(parameter)
            group['names'].append(name)
        return list(groups.values())

    def _factors(
        self, backbone: nn.Module, name: str, parameter: nn.Parameter
    ) -> tuple[float, float]:
        """Return the factors on the learning rate and on the weight decay of a parameter."""
        depth, num_depths = backbone.get_layer_depth(name, 'backbone.')
        keys = [key for key in self.custom_keys if key in name]
        custom = self.custom_keys[max(keys, key=len)] if keys else {}
        flat = self.flat_decay_mult if parameter.ndim <= 1 else 1.0
        return (
            self.rate ** (num_depths - 1 - depth) * custom.get('lr_mult', 1.0),
            flat * custom.get('decay_mult', 1.0),
        )
