"""Weight decay on weight matrices only."""

from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from mmpretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmmask.utils.unwrap import unwrap


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MatrixDecayOptimWrapperConstructor:
    """Decay tensors of two or more dimensions, not biases and norms (DINO, iBOT).

    CLS token, position embeddings and mask token have three dimensions and are decayed, as
    published. Two groups keep the optimiser's multi-tensor kernels whole, where mm's
    ``paramwise_cfg`` makes one group of each parameter.

    Args:
        optim_wrapper_cfg: ``type``, ``optimizer`` and the wrapper's other arguments.
        paramwise_cfg: Must be empty: there is nothing to set per parameter.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg:
            raise ValueError('MatrixDecayOptimWrapperConstructor takes no paramwise_cfg.')
        self.optim_wrapper_cfg = dict(optim_wrapper_cfg)
        self.optimizer_cfg = dict(self.optim_wrapper_cfg.pop('optimizer'))

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimiser and its wrapper for a model."""
        model = unwrap(model)
        parameters = [p for p in model.parameters() if p.requires_grad]
        groups = [
            dict(params=[p for p in parameters if p.ndim > 1]),
            dict(params=[p for p in parameters if p.ndim <= 1], weight_decay=0.0),
        ]
        optimizer = OPTIMIZERS.build(self.optimizer_cfg, default_args=dict(params=groups))
        self.optim_wrapper_cfg.setdefault('type', 'OptimWrapper')
        return OPTIM_WRAPPERS.build(self.optim_wrapper_cfg, default_args=dict(optimizer=optimizer))
