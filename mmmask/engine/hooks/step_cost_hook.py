"""Measures what a pre-training costs: operations of a step and trained parameters."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmmask.engine.hooks.undisturbed import undisturbed
from mmmask.engine.step_cost import step_operations, trained_parameters
from mmmask.utils.unwrap import unwrap

IMAGES, STEPS = 2, 4


@HOOKS.register_module()
class StepCostHook(Hook):
    """Measures at the end of a training what it costs, for ``result.json``.

    ========================== ==================================================================
    ``cost/gflops``            billions of floating-point operations of a training step, forward
                               and backward, per image; a frozen scorer's forward is among them
    ``cost/gflops_forward``    the same without the backward pass
    ``cost/parameters``        millions of trained parameters
    ========================== ==================================================================

    Operations are those of the trained network on the first images of the training set, the mean of
    four steps: see :func:`~mmmask.engine.step_cost.step_operations`. Nothing of the training
    changes: random numbers and buffers are restored, and no gradient is stored. A sharded model
    (FSDP) can't run without its wrapper: drop the hook there, ``default_hooks.cost=None``.
    """

    def after_train(self, runner: Runner) -> None:
        model, loader = unwrap(runner.model), runner.train_dataloader
        images = range(min(IMAGES, len(loader.dataset)))
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        with undisturbed(model):
            model.train()
            batch = loader.collate_fn([loader.dataset[index] for index in images])
            counts = step_operations(model, batch, seeds=range(STEPS))
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
        found = {
            'cost/gflops': counts['step'] / len(images) / 1e9,
            'cost/gflops_forward': counts['forward'] / len(images) / 1e9,
            'cost/parameters': trained_parameters(model) / 1e6,
        }
        for name, value in found.items():
            runner.message_hub.update_scalar(f'val/{name}', value)
