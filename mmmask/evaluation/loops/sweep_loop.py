"""Train a sweep of probes without a tenth of the images, and select the probe on that tenth."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpretrain.registry import DATASETS, LOOPS
from torch import Tensor
from torch.utils.data import DataLoader

from mmmask.utils.errors import UserError, check_choice
from mmmask.utils.modes import evaluating
from mmmask.utils.unwrap import unwrap

from ..ranks import top_outcomes
from ..sweep_accuracy import SweepAccuracy


def held_out_part(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split images at random into those for training and those for the selection, by class.

    The second part has ``round(share * N)`` images, of each class its share rounded down or up.
    Classes with the largest remainders are rounded up, of equal ones the first. One image of each
    class stays for training.

    Args:
        labels: Classes, (N,) int.
        share: The share of the second part, below 1.
        seed: Of the draw.

    Returns:
        Two rising arrays of indices.
    """
    classes, counts = np.unique(labels, return_counts=True)
    quota = counts * share
    sizes = np.floor(quota + 1e-9).astype(int)
    order = np.argsort(sizes - quota, kind='stable')
    order = order[(sizes + 1 < counts)[order] & (quota > sizes + 1e-9)[order]]
    sizes[order[: max(0, round(len(labels) * share) - sizes.sum())]] += 1
    generator = np.random.default_rng(seed)
    held = [
        generator.permutation(np.flatnonzero(labels == one))[:size]
        for one, size in zip(classes, sizes)
    ]
    held = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), held), held


@LOOPS.register_module()
class SweepTrainLoop(EpochBasedTrainLoop):
    """Train a ``LinearProbe`` by epochs; with several probes, select one before each validation.

    With ``select='held_out'`` a part of the training images takes no part in the training. It is
    drawn by class with a seed, and seen as validation images are. The probe that is best on it is
    the one that is reported. With ``select='val'`` all images are trained on, and the best probe is
    selected on the validation set, as the papers did. A single probe needs no selection: it trains
    on all images.

    Args:
        runner: The runner.
        dataloader: As every loop's. For a selection on held-out images its data set is a plain one,
            not a wrapper.
        max_epochs: Epochs.
        select: 'held_out' or 'val'.
        held_out: The share of the training images that is held out.
        held_out_seed: Of the draw.
        **kwargs: As the parent's.

    Raises:
        UserError: If the choice is another, the share isn't between 0 and 1, or the data set has no
            labels to draw by.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_epochs: int,
        select: str = 'held_out',
        held_out: float = 0.1,
        held_out_seed: int = 0,
        **kwargs,
    ) -> None:
        check_choice('train_cfg.select', select, ('held_out', 'val'))
        if not 0 < held_out < 1:
            raise UserError(f'train_cfg.held_out is a share between 0 and 1, not {held_out}')
        sweeps = len(unwrap(runner.model).probes) > 1
        validation = runner._val_dataloader
        if sweeps and select == 'held_out' and validation is not None:
            config = dataloader['dataset']
            train, held = (
                DATASETS.build({**config, **pipeline})
                for pipeline in ({}, dict(pipeline=validation['dataset']['pipeline']))
            )
            if not hasattr(train, 'get_gt_labels'):
                raise UserError(
                    f'a sweep selects its probe on held-out training images, and {config["type"]} '
                    "has no labels to draw them by: set train_cfg.select='val'"
                )
            kept, drawn = held_out_part(train.get_gt_labels(), held_out, held_out_seed)
            train.get_subset_(kept.tolist())
            held.get_subset_(drawn.tolist())
            dataloader = {**dataloader, 'dataset': train}
            loader = runner.build_dataloader({**validation, 'dataset': held}, seed=runner.seed)
            runner.register_hook(_SelectionHook(loader))
            runner.logger.info(
                f'{len(drawn)} of {len(kept) + len(drawn)} training images are held out for the '
                f'selection of one of {len(unwrap(runner.model).probes)} probes '
                "(train_cfg.select='val' selects on the validation set)"
            )
        super().__init__(runner, dataloader, max_epochs, **kwargs)
        if sweeps:
            runner.register_hook(_DivergenceHook())


class _EachAccuracy(SweepAccuracy):
    """Measure each probe, by its number."""

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        right = top_outcomes(torch.stack(results), self.num_classes)[1]  # (N, n)
        return {str(i): float(value) for i, value in enumerate(right.mean(dim=0))}


class _DivergenceHook(Hook):
    """Drop probes that have diverged, before a checkpoint would hold their weights."""

    priority = 'HIGH'

    def __init__(self) -> None:
        self.dropped: set[int] = set()

    def after_train_epoch(self, runner: Runner) -> None:
        model = unwrap(runner.model)
        all_reduce(model.standing, op='min')
        for number in set(model.drop_diverged()) - self.dropped:
            self.dropped.add(number)
            runner.logger.warning(
                f'{model.probes[number].name} has diverged: it is left out from here on'
            )
            for weight in model.heads[number].parameters():
                runner.optim_wrapper.optimizer.state.pop(weight, None)


class _SelectionHook(Hook):
    """Select the probe that is best on held-out images, before a validation and its checkpoint."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader

    def after_train_epoch(self, runner: Runner) -> None:
        loop, epoch = runner.train_loop, runner.epoch + 1
        due = epoch >= loop.val_begin and epoch % loop.val_interval == 0
        if due or epoch == loop.max_epochs:
            model, metric = unwrap(runner.model), _EachAccuracy()
            with evaluating(model), torch.no_grad():
                for batch in self.loader:
                    predictions = [sample.to_dict() for sample in model.val_step(batch)]
                    metric.process(batch, predictions)
            found = metric.evaluate(len(self.loader.dataset))
            best = max(range(len(model.probes)), key=lambda i: found[f'linear/{i}'])
            model.select(best)
            runner.logger.info(
                f'{model.probes[best].name} is selected: {found[f"linear/{best}"]:.2f} % of '
                f'{len(self.loader.dataset)} held-out training images are right'
            )
